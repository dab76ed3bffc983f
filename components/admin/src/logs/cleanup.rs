//! `DELETE /logs/cleanup?older_than_days=&type=&dry_run=`: removes old entries, a bounded number a call; `more` says that
//! another call would find others.
//!
//! The audit log never loses entries that are younger than the retention.
//!
//! All is asked for in the query: the body of a `DELETE` may be lost on the way, and a `dry_run` with it.

use image2model_domain::Problem;
use image2model_domain::commands::TrimLog;
use image2model_domain::log::LogKind;
use image2model_domain::time::rfc3339;
use image2model_kit::query::Query;
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde_json::{Map, Value, json};

use super::ask::{self, DAY_MS};
use super::health::Bounds;
use super::store::generations;
use crate::{audit, orders};

const LONGEST_BODY: usize = 4096;
/// The longest age that can be asked for, in days.
const MOST_DAYS: u32 = 3650;
/// Entries that one script call looks at: it holds Redis up for a few milliseconds.
const AT_ONCE: u32 = 1000;
/// Entries removed or counted in a call of the route.
const MOST: u64 = 200_000;
/// A call takes no longer than this, ms.
const PATIENCE_MS: i64 = 10_000;

/// What a call may still do.
struct Budget {
    entries: u64,
    deadline: i64,
}

impl Budget {
    fn is_used_up(&self) -> bool {
        self.entries == 0 || clock::now_ms() > self.deadline
    }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Order {
    /// The retention, when none are named.
    days: Option<u32>,
    /// Every log, when none is named.
    named: Option<String>,
    kinds: Vec<LogKind>,
    dry_run: bool,
}

impl Order {
    fn read(body: &Map<String, Value>, query: &Query) -> Result<Self, Problem> {
        if let Some(name) = body.keys().next() {
            return Err(Problem::invalid(name, format!("{name} has to stand in the query; a body is not read here")));
        }
        orders::only(query, &["older_than_days", "type", "dry_run"])?;
        let days = query.all("older_than_days").map(|text| ask::whole("older_than_days", text, 0, MOST_DAYS));
        let days: Vec<u32> = days.collect::<Result<_, _>>()?;
        let named = orders::agreed("type", query.all("type"))?;
        Ok(Self {
            days: orders::agreed("older_than_days", days)?,
            kinds: ask::kinds(named)?,
            named: named.map(str::to_owned),
            dry_run: orders::dry_run(None, query)?,
        })
    }
}

/// Removes, or with `dry_run` counts what would be removed.
pub(crate) async fn run(mut context: Context) -> Result<Reply, Failure> {
    let body: Map<String, Value> = context.json(LONGEST_BODY).await?;
    let Order { days, named, kinds, dry_run } = Order::read(&body, &context.query)?;
    let retention = u32::try_from(Bounds::configured().await?.retention_days).unwrap_or(MOST_DAYS);
    let days = days.unwrap_or(retention);
    let ages = ages(&kinds, days, retention);
    let named = named.as_deref().unwrap_or("all");
    audit::asked(&context, &json!({ "older_than_days": days, "dry_run": dry_run, "type": named }));
    let now = clock::now_ms();
    let mut budget = Budget { entries: MOST, deadline: now + PATIENCE_MS };
    let (mut counts, mut total, mut more) = (Map::new(), 0, false);
    for (kind, days) in ages {
        let (removed, left) = sweep(kind, now - i64::from(days) * DAY_MS, dry_run, &mut budget).await?;
        counts.insert(kind.name().to_owned(), json!({ "deleted_entries": removed, "older_than_days": days }));
        (total, more) = (total + removed, more || left);
    }
    let body = json!({
        "dry_run": dry_run,
        "older_than_days": days,
        "before": rfc3339(now - i64::from(days) * DAY_MS),
        "deleted_entries": total,
        "by_type": counts,
        "more": more,
        "message": message(total, dry_run),
    });
    audit::done(&context, &body);
    reply::json(200, &body)
}

fn message(total: u64, dry_run: bool) -> String {
    match (total, dry_run) {
        (0, _) => "Nothing is that old".to_owned(),
        (n, true) => format!("Entries that would be deleted: {n}"),
        (n, false) => format!("Deleted entries: {n}"),
    }
}

/// The age, in days, that entries of each log may reach.
fn ages(kinds: &[LogKind], days: u32, retention: u32) -> Vec<(LogKind, u32)> {
    let age = |kind: LogKind| if kind == LogKind::Audit { days.max(retention) } else { days };
    kinds.iter().map(|kind| (*kind, age(*kind))).collect()
}

/// One log, generation by generation.
async fn sweep(kind: LogKind, before_ms: i64, dry_run: bool, budget: &mut Budget) -> Result<(u64, bool), Failure> {
    let mut streams: Vec<Value> = generations(kind).await?.into_iter().map(Value::from).collect();
    streams.push("".into());
    let mut total = 0;
    for stream in streams {
        let generation = stream.as_str().unwrap_or_default();
        let mut after = dry_run.then(String::new);
        loop {
            if budget.is_used_up() {
                return Ok((total, true));
            }
            let count_after = after.as_deref();
            let step = TrimLog { kind, generation, before_ms: before_ms.max(0), most: AT_ONCE, count_after };
            let trimmed = redis::run(&step).await?;
            total += trimmed.entries;
            budget.entries = budget.entries.saturating_sub(trimmed.entries);
            let Some(more) = trimmed.more else { break };
            after = after.map(|_| more);
        }
    }
    Ok((total, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_keeps_its_retention() {
        let ages_of = |kinds: &[LogKind], days| ages(kinds, days, 7);
        assert_eq!(ages_of(&[LogKind::App, LogKind::Audit], 0), [(LogKind::App, 0), (LogKind::Audit, 7)]);
        assert_eq!(ages_of(&[LogKind::Audit], 30), [(LogKind::Audit, 30)]);
    }

    fn order(body: &str, query: &str) -> Result<Order, u16> {
        Order::read(&serde_json::from_str(body).unwrap(), &Query::parse(query)).map_err(|problem| problem.status())
    }

    #[test]
    fn a_word_that_is_not_understood_deletes_nothing() {
        for query in [
            "dryrun=true",
            "dryRun=true",
            "dry_run=maybe",
            "dry_run=false&dry_run=true",
            "older_than_days=1&older_than_days=2",
            "older_than_days=x",
            "type=app&type=worker",
            "log_type=app",
        ] {
            assert_eq!(order("{}", query), Err(422), "{query}");
        }
        assert_eq!(order(r#"{"dry_run": true}"#, ""), Err(422), "it could be lost on the way");
    }

    #[test]
    fn what_is_said_twice_alike_is_said() {
        let wanted = Order { days: Some(3), named: Some("app".into()), kinds: vec![LogKind::App], dry_run: true };
        for query in ["older_than_days=3&type=app&dry_run", "older_than_days=3&older_than_days=3&type=app&dry_run=1"] {
            assert_eq!(order("{}", query).as_ref(), Ok(&wanted), "{query}");
        }
        let nothing = order("{}", "").unwrap();
        assert_eq!((nothing.days, nothing.dry_run, nothing.kinds), (None, false, LogKind::ALL.to_vec()));
    }

    #[test]
    fn a_dry_run_says_that_it_is_one() {
        assert_eq!(message(3, true), "Entries that would be deleted: 3");
        assert_eq!(message(0, false), "Nothing is that old");
    }
}
