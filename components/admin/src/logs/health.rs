//! `GET /logs/health`: is the log store written, what was lost, how full is it, and what bounds it.

use image2model_domain::log::{GENERATIONS, LogKind};
use image2model_domain::time::rfc3339;
use image2model_kit::redis::{self, RedisError};
use image2model_kit::{Context, Failure, Reply, clock, config, reply};
use serde_json::{Map, Value, json};

use super::ask::{HOUR_MS, Span};
use super::counts::Hours;
use super::statistics;
use super::types::size;

/// Writers that are described.
const MOST_WRITERS: usize = 100;

/// What bounds the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// About how many entries of each log; 0: nothing is kept.
    pub(crate) max_entries: u64,
    /// How long, in days.
    pub(crate) retention_days: u64,
}

impl Bounds {
    pub(crate) async fn configured() -> Result<Self, config::ConfigError> {
        Ok(Self {
            max_entries: config::number("log_store_max_entries").await?,
            retention_days: config::number("log_store_retention_days").await?,
        })
    }
}

/// Says how the store is; always 200, the word is in the body.
pub(crate) async fn show(_: Context) -> Result<Reply, Failure> {
    let (bounds, now) = (Bounds::configured().await?, clock::now_ms());
    let writers = writers().await?;
    let recent = Hours::load(Span { from: now - HOUR_MS, to: now + 1 }).await?.sum();
    let (mut sizes, mut entries, mut bytes) = (Map::new(), 0, 0);
    for kind in LogKind::ALL {
        let size = size(&redis::keys().await?.log(*kind)).await?;
        (entries, bytes) = (entries + size.entries, bytes + size.bytes);
        sizes.insert(kind.name().to_owned(), json!({ "count": size.entries, "bytes": size.bytes }));
    }
    let findings = findings(bounds, &writers, recent.lost());
    let said = |weight: Option<Weight>| -> Vec<&str> {
        findings.iter().filter(|f| weight.is_none_or(|weight| f.weight == weight)).map(|f| f.said.as_str()).collect()
    };
    let status = match (bounds.max_entries, findings.is_empty()) {
        (0, _) => "off",
        (_, true) => "healthy",
        (_, false) => "degraded",
    };
    let body = json!({
        "status": status,
        "findings": said(None),
        "issues": said(Some(Weight::Issue)),
        "warnings": said(Some(Weight::Warning)),
        "recommendations": findings.iter().map(|finding| finding.advice).collect::<Vec<_>>(),
        "statistics": statistics::stored().await?,
        "writers": writers,
        "lost": { "recent": recent.lost(), "by_writers": sum(&writers, "lost") },
        "written_recently": recent.total(),
        "sizes": { "count": entries, "bytes": bytes, "by_type": sizes },
        "limits": {
            "max_entries_per_type": bounds.max_entries,
            "retention_days": bounds.retention_days,
            "generations_per_type": GENERATIONS,
        },
        "timestamp": rfc3339(now),
    });
    reply::json(200, &body)
}

/// What the hosts' writers say of themselves; one that has fallen silent is not among them.
async fn writers() -> Result<Vec<Value>, RedisError> {
    let keys = redis::keys().await?;
    let most = MOST_WRITERS.to_string();
    let now = redis::now_ms().await?.to_string();
    let ids = redis::texts("ZRANGEBYSCORE", &[&keys.log_writers(), &now, "+inf", "LIMIT", "0", &most]).await?;
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<String> = ids.iter().map(|id| keys.log_writer(id)).collect();
    let signs = redis::texts("MGET", &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(signs.iter().filter_map(|sign| serde_json::from_str(sign).ok()).collect())
}

fn sum(writers: &[Value], name: &str) -> u64 {
    writers.iter().filter_map(|writer| number(writer, name)).sum()
}

fn number(writer: &Value, name: &str) -> Option<u64> {
    writer.get(name).and_then(Value::as_u64)
}

/// How much something matters, by the original's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Entries are lost, or none come.
    Issue,
    /// They may be soon, or nobody wants them.
    Warning,
}

/// What an operator should look at, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    weight: Weight,
    said: String,
    advice: &'static str,
}

fn findings(bounds: Bounds, writers: &[Value], lost: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |weight, said: String, advice| findings.push(Finding { weight, said, advice });
    if bounds.max_entries == 0 {
        let said = "LOG_STORE_MAX_ENTRIES is 0: nothing is kept".to_owned();
        find(
            Weight::Warning,
            said,
            "Set LOG_STORE_MAX_ENTRIES to keep logs here; standard output has them in any case",
        );
    } else if writers.is_empty() {
        let said = "No host writes to the log store".to_owned();
        find(Weight::Issue, said, "See whether a host runs and reaches Redis");
    }
    if lost > 0 {
        let said = format!("Entries lost in this hour and the last: {lost}");
        find(
            Weight::Issue,
            said,
            "Look up these hours in what the hosts wrote to standard output, and why Redis was slow or away",
        );
    }
    let full = |w: &&Value| number(w, "waiting").zip(number(w, "capacity")).is_some_and(|(w, c)| w * 2 > c);
    let behind = writers.iter().filter(full).count();
    if behind > 0 {
        let said = format!("Writers that fall behind: {behind}");
        find(Weight::Warning, said, "See how quickly Redis answers, or log less");
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_amiss_is_said() {
        let bounds = Bounds { max_entries: 10, retention_days: 7 };
        let writer = json!({ "waiting": 1, "capacity": 10, "lost": 3 });
        assert!(findings(bounds, std::slice::from_ref(&writer), 0).is_empty());
        assert_eq!(findings(bounds, &[], 2).len(), 2);
        let behind = findings(bounds, &[json!({ "waiting": 6, "capacity": 10 })], 0);
        assert_eq!(
            (behind.len(), behind[0].weight, behind[0].said.as_str()),
            (1, Weight::Warning, "Writers that fall behind: 1")
        );
        assert!(
            findings(bounds, &[], 2)
                .iter()
                .all(|finding| finding.weight == Weight::Issue && !finding.advice.is_empty())
        );
        assert_eq!(findings(Bounds { max_entries: 0, ..bounds }, &[], 0).len(), 1);
        assert_eq!(sum(&[writer.clone(), writer], "lost"), 6);
    }
}
