//! `POST /logs/rotate`: closes the current entries of each log into a generation, named by the time, begins new ones, and
//! drops generations and entries that are above the bounds.
//!
//! The audit log is not rotated: it is kept by age and number alone, so that nobody can turn it over.

use image2model_domain::Problem;
use image2model_domain::commands::{ExpireLogs, RotateLog, Rotated};
use image2model_domain::log::{GENERATIONS, LogKind};
use image2model_kit::query::Query;
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{self, DAY_MS};
use super::health::Bounds;
use crate::{audit, orders};

const LONGEST_BODY: usize = 4096;

/// What the body says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Order {
    /// The logs that the body or the query names. Every other word is refused: rotated entries are dropped in the end, and it
    /// may have been meant to name one log alone.
    fn kinds(&self, query: &Query) -> Result<Vec<LogKind>, Problem> {
        orders::only(query, &["type"])?;
        rotating(orders::agreed("type", self.kind.as_deref().into_iter().chain(query.all("type")))?)
    }
}

/// Rotates one log, or all.
pub(crate) async fn run(mut context: Context) -> Result<Reply, Failure> {
    let order: Order = context.json(LONGEST_BODY).await?;
    let kinds = order.kinds(&context.query)?;
    audit::asked(&context, &json!({ "types": kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>() }));
    let mut rotated = Vec::new();
    for kind in kinds {
        rotated.push(shown(kind, &redis::run(&RotateLog { kind, keep: GENERATIONS }).await?));
    }
    let retention = i64::try_from(Bounds::configured().await?.retention_days).unwrap_or(i64::MAX / DAY_MS) * DAY_MS;
    let expired = redis::run(&ExpireLogs { before_ms: (clock::now_ms() - retention).max(0) }).await?;
    let body = json!({ "rotated": rotated, "expired_entries": expired, "generations_kept": GENERATIONS });
    audit::done(&context, &body);
    reply::json(200, &body)
}

fn rotating(name: Option<&str>) -> Result<Vec<LogKind>, Problem> {
    let mut kinds = ask::kinds(name)?;
    kinds.retain(|kind| *kind != LogKind::Audit);
    if kinds.is_empty() {
        let detail = "The audit log is not rotated: it is kept by age and number alone";
        return Err(Problem::invalid("type", detail));
    }
    Ok(kinds)
}

fn shown(kind: LogKind, rotated: &Rotated) -> Value {
    let generation = Some(&rotated.generation).filter(|name| !name.is_empty());
    json!({
        "type": kind.name(), "generation": generation, "entries": rotated.entries,
        "dropped_generations": rotated.dropped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_is_left_alone() {
        assert!(!rotating(None).unwrap().contains(&LogKind::Audit));
        assert_eq!(rotating(Some("app")).unwrap(), [LogKind::App]);
        assert_eq!(rotating(Some("audit")).unwrap_err().status(), 422);
        assert_eq!(rotating(Some("x")).unwrap_err().status(), 422);
    }

    #[test]
    fn a_word_that_is_not_understood_rotates_nothing() {
        for bad in [r#"{"log_type": "worker"}"#, r#"{"types": ["worker"]}"#, r#"{"type": 1}"#] {
            assert!(serde_json::from_str::<Order>(bad).is_err(), "{bad}");
        }
        let read = |body: &str, query: &str| {
            let order: Order = serde_json::from_str(body).unwrap();
            order.kinds(&Query::parse(query)).map_err(|problem| problem.status())
        };
        assert_eq!(read("{}", "log_type=worker"), Err(422));
        assert_eq!(read(r#"{"type": "app"}"#, "type=worker"), Err(422));
        for (body, query) in [("{}", "type=app"), (r#"{"type": "app"}"#, "type=app"), (r#"{"type": null}"#, "type=app")]
        {
            assert_eq!(read(body, query), Ok(vec![LogKind::App]), "{body} {query}");
        }
        assert_eq!(read(r#"{"type": "all"}"#, ""), read("{}", ""));
    }
}
