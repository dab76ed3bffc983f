//! `image2model components list | swap | canary | rollback`: exchanging components of a running service, over its admin
//! routes.

mod in_redis;
mod source;
mod table;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::api::{self, AdminApi};
use super::server::is_final;
use source::From;

/// How long a fleet may prepare a component; hosts give up before.
const PREPARED_WITHIN: Duration = Duration::from_secs(660);
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
        /// Go back even though a trial has just been given up by itself, to what was served before it
        #[arg(long)]
        further: bool,
        /// Write it to Redis, with the variables of a host, where the service lets nobody in
        #[arg(long, conflicts_with_all = ["further", "url", "key"])]
        in_redis: bool,
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
            Self::Rollback { id, in_redis: true, .. } => in_redis::roll_back(id).await,
            Self::Rollback { id, further, .. } => roll_back(api, id, *further).await,
        }
    }

    fn shown(&self, answer: &Value) -> String {
        match self {
            Self::List => table::listed(answer),
            _ => table::changed(answer),
        }
    }
}

/// Goes back from what stands there now: not from what somebody else, or the hosts, made of it meanwhile.
async fn roll_back(api: &AdminApi, id: &str, further: bool) -> anyhow::Result<Value> {
    let all = api.get(&["admin", "components"]).await?;
    let last = rollout(&all, id).and_then(|rollout| rollout.get("last")).filter(|last| !last.is_null());
    let is_over = last.and_then(|last| last.get("outcome")).is_some_and(|o| o == "rolled_back_by_itself");
    if let Some(last) = last.filter(|_| is_over && !further) {
        bail!("{}", table::over(last, id));
    }
    let seen = last.and_then(|last| last.get("change")).map_or("0".to_owned(), ToString::to_string);
    settled(api, id, api.post_query(&["admin", "components", id, "rollback"], &[("last", seen)]).await?).await
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
        // What is prepared goes on while the service is away for a moment.
        let all = match api.get(&["admin", "components"]).await {
            Err(error) if !is_final(&error) && Instant::now() <= until => continue,
            answer => answer?,
        };
        let rollout = rollout(&all, id).context("the component is gone")?;
        let last = match stand(rollout, &name) {
            Stand::Preparing => continue,
            Stand::Settled(last) => last,
            Stand::Ended(why) => bail!("{why}"),
        };
        let outcome = last.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !matches!(&*outcome, "serving" | "trying" | "rolled_back") {
            bail!("{}", table::refused(last));
        }
        answer = json!({ "id": id, "outcome": outcome, "message": "All hosts are ready.", "rollout": rollout });
    }
    Ok(answer)
}

/// What is said of the releases of one component, in the list of all.
fn rollout<'a>(all: &'a Value, id: &str) -> Option<&'a Value> {
    let mut components = super::table::entries(all, "components").into_iter();
    components.find(|component| component.get("id").is_some_and(|i| i == id))?.get("rollout")
}

/// How far a change is.
#[derive(Debug, PartialEq)]
enum Stand<'a> {
    Preparing,
    /// What came of it.
    Settled(&'a Value),
    /// Somebody else ended it, or came after it.
    Ended(String),
}

fn stand<'a>(rollout: &'a Value, change: &Value) -> Stand<'a> {
    let is_it = |what: &&Value| what.get("change") == Some(change);
    let last = rollout.get("last");
    if let Some(last) = last.filter(is_it) {
        return Stand::Settled(last);
    }
    if rollout.get("candidate").is_some_and(|candidate| is_it(&candidate)) {
        return Stand::Preparing;
    }
    // What is written of it and what is prepared are read at once, so nobody prepares it any more.
    Stand::Ended(table::overtaken(last.unwrap_or(&Value::Null)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_somebody_ends_is_not_waited_for() {
        let change = json!(7);
        let under_way = json!({ "candidate": { "change": 7 }, "last": { "change": 5, "outcome": "serving" } });
        assert_eq!(stand(&under_way, &change), Stand::Preparing);
        let last = json!({ "change": 7, "outcome": "failed" });
        assert_eq!(stand(&json!({ "candidate": null, "last": last }), &change), Stand::Settled(&last));
        let back = json!({ "change": 8, "action": "rollback", "outcome": "rolled_back", "by": "ada", "at": "2026-11-20T10:46:21.123Z" });
        for candidate in [Value::Null, json!({ "change": 9 })] {
            let rollout = json!({ "candidate": candidate, "last": back });
            let ended = stand(&rollout, &change);
            let Stand::Ended(why) = ended else { panic!("it is waited for: {ended:?}") };
            assert!(why.contains("rollback") && why.contains("ada") && why.contains("10:46"), "{why}");
        }
    }
}
