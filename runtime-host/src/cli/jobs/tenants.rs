//! `image2model jobs tenants`: how often each tenant's turn is, how many of its files run at a time, and what it has cost.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::cli::api::AdminApi;
use crate::cli::table::{entries, rows, text};

#[derive(Subcommand)]
pub enum Task {
    /// List them; done when nothing else is said
    List,
    /// Set one's weight, its cap, or both
    Set(Set),
}

#[derive(clap::Args)]
pub struct Set {
    /// Its name, as jobs are listed with, such as key:ID
    tenant: String,
    /// Turns it gets for one of a tenant of weight 1, such as 0.5 or 4
    #[arg(long, value_name = "N", required_unless_present = "max_concurrent")]
    weight: Option<f64>,
    /// Files of it that may run at a time; 0 for the service's own limit
    #[arg(long, value_name = "N")]
    max_concurrent: Option<u32>,
}

pub async fn ask(task: Option<&Task>, api: &AdminApi) -> anyhow::Result<Value> {
    let Some(Task::Set(set)) = task else { return api.get(&["admin", "tenants"]).await };
    let weight = set.weight.map(|weight| ("weight".to_owned(), json!(weight)));
    let most = set.max_concurrent.map(|most| ("max_concurrent".to_owned(), json!((most > 0).then_some(most))));
    let body: Map<String, Value> = weight.into_iter().chain(most).collect();
    api.put(&["admin", "tenants", &set.tenant], &body.into()).await
}

pub fn shown(task: Option<&Task>, answer: &Value) -> String {
    let tenants = match task {
        Some(Task::Set(_)) => vec![answer],
        _ => entries(answer, "tenants"),
    };
    if tenants.is_empty() {
        return "Nobody has asked for anything yet.".to_owned();
    }
    let head = ["TENANT", "WEIGHT", "MAX CONCURRENT", "RUNNING", "WAITING", "COST"];
    rows(
        head,
        tenants.iter().map(|tenant| {
            let cost =
                tenant.get("cost_usd").and_then(Value::as_f64).map_or("-".to_owned(), |usd| format!("${usd:.2}"));
            [
                text(tenant, "tenant"),
                text(tenant, "weight"),
                text(tenant, "max_concurrent"),
                text(tenant, "running"),
                text(tenant, "waiting"),
                cost,
            ]
        }),
    )
}
