//! `image2model components list | swap | canary | rollback`: exchanging components of a running service, over its admin
//! routes.

mod source;
mod table;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::api::{self, AdminApi};
use source::From;

/// How long a fleet may prepare a component; hosts give up before.
const PREPARED_WITHIN: Duration = Duration::from_secs(240);
/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum Task {
    /// List the components and their releases
    List,
    /// Serve another release of a component; without --from, the one that is being tried
    Swap {
        /// The component's id
        id: String,
        #[command(flatten)]
        from: From,
    },
    /// Serve another release to some callers; without --from, the running trial to more or fewer
    Canary {
        /// The component's id
        id: String,
        /// Of a hundred callers, so many
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=99))]
        weight: u32,
        #[command(flatten)]
        from: From,
    },
    /// Go back: end what is prepared or tried, else serve again what was served before
    Rollback {
        /// The component's id
        id: String,
    },
}

impl api::Task for Task {
    async fn ask(&self, api: &AdminApi) -> anyhow::Result<Value> {
        match self {
            Self::List => api.get(&["admin", "components"]).await,
            Self::Swap { id, from } => settled(api, id, from.send(api, id, "swap", None).await?).await,
            Self::Canary { id, weight, from } => {
                settled(api, id, from.send(api, id, "canary", Some(*weight)).await?).await
            }
            Self::Rollback { id } => api.post(&["admin", "components", id, "rollback"], None).await,
        }
    }

    fn shown(&self, answer: &Value) -> String {
        match self {
            Self::List => table::listed(answer),
            _ => table::changed(answer),
        }
    }
}

/// The answer once the hosts are done, when they were not at once.
async fn settled(api: &AdminApi, id: &str, mut answer: Value) -> anyhow::Result<Value> {
    let name = answer.get("change").cloned().unwrap_or_default();
    let until = Instant::now() + PREPARED_WITHIN;
    while answer.get("outcome").and_then(Value::as_str) == Some("preparing") {
        if Instant::now() > until {
            bail!("the hosts are still preparing it; `image2model components list` says how far they are");
        }
        tokio::time::sleep(EVERY).await;
        let all = api.get(&["admin", "components"]).await?;
        let found =
            super::table::entries(&all, "components").into_iter().find(|c| c.get("id").is_some_and(|i| i == id));
        let rollout = found.and_then(|component| component.get("rollout")).context("the component is gone")?;
        let Some(last) = rollout.get("last").filter(|last| last.get("change") == Some(&name)) else { continue };
        let outcome = last.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !matches!(&*outcome, "serving" | "trying") {
            bail!("{}", table::refused(last));
        }
        answer = json!({ "id": id, "outcome": outcome, "message": "All hosts are ready.", "rollout": rollout });
    }
    Ok(answer)
}
