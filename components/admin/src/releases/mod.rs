//! Exchanging components while they serve: `swap`, `canary` and `rollback` under `/admin/components/{id}`.
//!
//! This component only writes down what is wanted; the hosts do it and say how it went. An answer waits for them a while.

mod order;
mod shown;
mod upload;

use std::time::Duration;

use image2model_domain::Problem;
use image2model_domain::commands::{ReadRollouts, SetRollout};
use image2model_domain::rollout::{Change, NotNow, Outcome, Reason, Rollout};
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde_json::json;

use crate::audit;
use crate::hosts::processes::{self, HostProcess};
use order::Order;
pub(crate) use shown::rollout as shown;

/// How long an answer waits for the hosts; a component is compiled within seconds.
const WAIT_MS: i64 = 20_000;
/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(150);
/// Somebody else may write the same record at the same moment, hosts among them.
const TRIES: usize = 10;

const ON_SPIN: &str = "On Spin the components belong to Spin, which has no word for this at run time. Build the new component, \
    put it in spin.toml in the old one's place and run `spin up` or `spin deploy`; to go back, deploy the former release.";

/// Serves another release to all callers.
pub(crate) async fn swap(mut context: Context) -> Result<Reply, Failure> {
    let hosts = owners(&context).await?;
    let order = order::swap(&mut context).await?;
    change(&context, &hosts, &order).await
}

/// Serves another release to some callers.
pub(crate) async fn canary(mut context: Context) -> Result<Reply, Failure> {
    let hosts = owners(&context).await?;
    let order = order::canary(&mut context).await?;
    change(&context, &hosts, &order).await
}

/// Goes back.
pub(crate) async fn rollback(context: Context) -> Result<Reply, Failure> {
    let hosts = owners(&context).await?;
    change(&context, &hosts, &order::rollback(&context)?).await
}

/// The hosts, one of which at least serves the component that the route names.
async fn owners(context: &Context) -> Result<Vec<HostProcess>, Failure> {
    let hosts = processes::alive().await?;
    match unowned(&hosts, context.param("id")) {
        Some(problem) => {
            audit::asked(context, &json!({ "component": context.param("id") }));
            Err(problem.into())
        }
        None => Ok(hosts),
    }
}

fn unowned(hosts: &[HostProcess], id: &str) -> Option<Problem> {
    let mut owners = hosts.iter().filter(|host| host.serves_components).peekable();
    if owners.peek().is_none() {
        return Some(Problem::new(501, "NOT_ON_SPIN", ON_SPIN));
    }
    let known = owners.any(|host| host.components.iter().any(|component| component.id == id));
    let unknown = "No host has a component of this id; see GET /api/v1/admin/components.";
    (!known).then(|| Problem::new(404, "COMPONENT_NOT_FOUND", unknown))
}

/// Writes the change down, and answers when it has ended or when it has taken long enough.
async fn change(context: &Context, hosts: &[HostProcess], order: &Order) -> Result<Reply, Failure> {
    let id = context.param("id");
    audit::asked(context, &json!({ "component": id, "order": order.shown() }));
    let (name, mut rollout) = written(context, id, order).await?;
    let deadline = clock::now_ms() + WAIT_MS;
    loop {
        let ended = rollout.last.as_ref().filter(|last| last.change >= name);
        if ended.is_some() || clock::now_ms() >= deadline {
            return answer(context, id, &rollout, ended.filter(|last| last.change == name), name, hosts);
        }
        clock::sleep(INTERVAL).await;
        // It is written down, and goes on: a store that is silent has not refused it.
        if let Ok(found) = read(id).await {
            rollout = found;
        }
    }
}

/// The name of the change, and what is written with it.
async fn written(context: &Context, id: &str, order: &Order) -> Result<(u64, Rollout), Failure> {
    for _ in 0..TRIES {
        let before = read(id).await?;
        let mut next = before.clone();
        let step = order.take(&mut next, &context.caller, redis::now_ms().await?);
        let name = step.map_err(|why| Problem::new(409, why.code(), why.to_string()))?;
        let set = SetRollout { component: id, from: before.revision, rollout: &next };
        if redis::run(&set).await? {
            next.revision = before.revision + 1;
            return Ok((name, next));
        }
    }
    Err(Problem::new(409, NotNow::Busy.code(), NotNow::Busy.to_string()).into())
}

async fn read(id: &str) -> Result<Rollout, Failure> {
    let found = redis::run(&ReadRollouts { component: Some(id) }).await?;
    Ok(found.into_iter().next().map(|(_, rollout)| rollout).unwrap_or_default())
}

fn answer(
    context: &Context,
    id: &str,
    rollout: &Rollout,
    ended: Option<&Change>,
    name: u64,
    hosts: &[HostProcess],
) -> Result<Reply, Failure> {
    if let Some(refusal) = ended.and_then(refusal) {
        return Err(refusal.into());
    }
    let (status, outcome, message) = match ended.map(|ended| ended.outcome) {
        Some(Outcome::Trying) => (200, "trying", "Some callers are served it."),
        Some(Outcome::RolledBack) => (200, "rolled_back", "The former release is served."),
        Some(_) => (200, "serving", "All callers are served it."),
        None => (202, "preparing", "Hosts are still preparing it; GET /api/v1/admin/components says how far they are."),
    };
    let body = json!({
        "id": id, "change": name, "outcome": outcome, "message": message, "rollout": shown::rollout(rollout, id, hosts),
    });
    audit::done(context, &json!({ "outcome": outcome, "serves": body.pointer("/rollout/current") }));
    reply::json(status, &body)
}

/// What hosts said against it.
fn refusal(ended: &Change) -> Option<Problem> {
    let (code, detail) = match ended.outcome {
        Outcome::Refused => {
            ("COMPONENT_REFUSED", "The component does not fit; nothing was changed. See details.errors.")
        }
        Outcome::Failed => {
            ("COMPONENT_NOT_PREPARED", "The component could not be prepared; nothing was changed. See details.errors.")
        }
        _ => return None,
    };
    let error = |reason: &Reason| json!({ "field": "component", "code": reason.code, "message": reason.message });
    let errors: Vec<_> = ended.reasons.iter().map(error).collect();
    Some(Problem::new(422, code, detail).with_details(json!({ "errors": errors })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::processes::Component;

    fn host(serves_components: bool) -> HostProcess {
        let component = Component { id: "admin".into(), ..Component::default() };
        HostProcess { serves_components, components: vec![component], ..HostProcess::default() }
    }

    #[test]
    fn says_who_owns_the_components_and_what_to_do() {
        assert_eq!(unowned(&[host(false)], "admin").unwrap().code(), "NOT_ON_SPIN");
        assert_eq!(unowned(&[host(true)], "other").unwrap().status(), 404);
        assert!(unowned(&[host(true)], "admin").is_none());
    }
}
