//! `GET /logs/analyze?hours=&type=`: what goes wrong most, which routes are slow, which components fail.
//!
//! Made from the newest entries of the span, a bounded number; `complete` says whether these were all.

mod components;
mod errors;
mod routes;

use std::collections::BTreeMap;

use image2model_domain::log::{LogKind, LogLevel};
use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::{Map, Value, json};

use super::ask::{self, Span};
use super::store::{Stored, Walk};
use components::Components;
use errors::Errors;
use routes::Routes;

/// Entries looked at for an answer.
const LOOKED_AT: usize = 20_000;
/// Read at once.
const PAGE: usize = 500;
/// A call takes no longer than this, ms.
const PATIENCE_MS: i64 = 8_000;

/// What was found.
#[derive(Default)]
pub(super) struct Findings {
    errors: Errors,
    routes: Routes,
    components: Components,
    levels: BTreeMap<LogLevel, u64>,
    looked_at: usize,
    complete: bool,
}

/// Answers it.
pub(crate) async fn show(context: Context) -> Result<Reply, Failure> {
    let (hours, span) = ask::hours(&context.query, clock::now_ms())?;
    let kinds = ask::kinds(context.query.get("type"))?;
    let findings = Findings::of(&kinds, span).await?;
    let mut body = findings.shown();
    if let Value::Object(body) = &mut body {
        body.insert(
            "period".to_owned(),
            json!({ "hours": hours, "from": rfc3339(span.from), "to": rfc3339(span.to - 1) }),
        );
        body.insert("types".to_owned(), kinds.iter().map(|kind| kind.name()).collect());
        body.extend(findings.in_the_originals_words(hours, span));
    }
    reply::json(200, &body)
}

impl Findings {
    /// Looks at the newest entries of the span, each log in its turn so that no busy one hides the others.
    pub(super) async fn of(kinds: &[LogKind], span: Span) -> Result<Self, Failure> {
        let mut findings = Self { complete: true, ..Self::default() };
        let deadline = clock::now_ms() + PATIENCE_MS;
        let mut walks = Vec::new();
        for kind in kinds {
            walks.push(Walk::backwards(*kind, span).await?);
        }
        while !walks.is_empty() {
            for walk in &mut walks {
                if findings.looked_at >= LOOKED_AT || clock::now_ms() > deadline {
                    findings.complete = false;
                    return Ok(findings);
                }
                let page = walk.page(PAGE).await?;
                findings.looked_at += page.len();
                page.iter().filter_map(super::store::Raw::read).for_each(|stored| findings.add(&stored));
            }
            walks.retain(|walk| !walk.is_over());
        }
        Ok(findings)
    }

    fn add(&mut self, stored: &Stored) {
        self.errors.add(stored);
        self.routes.add(stored);
        self.components.add(stored);
        *self.levels.entry(stored.entry.level).or_default() += 1;
    }

    /// The original's fields of an analysis, made of what was looked at.
    fn in_the_originals_words(&self, hours: u32, span: Span) -> Map<String, Value> {
        let mut words = Map::new();
        let mut tell = |name: &str, value: Value| drop(words.insert(name.to_owned(), value));
        let (start, end) = (rfc3339(span.from), rfc3339(span.to - 1));
        tell("time_range", json!({ "start": start, "end": end, "hours_analyzed": hours }));
        let levels = LogLevel::ALL.iter().map(|level| {
            let word = if *level == LogLevel::Warn { "WARNING" } else { level.name() };
            (word.to_owned(), self.levels.get(level).copied().unwrap_or_default().into())
        });
        tell("log_levels", levels.collect::<Map<_, _>>().into());
        tell("error_patterns", self.errors.patterns().into());
        tell("request_patterns", self.routes.patterns().into());
        tell("performance_metrics", self.routes.performance());
        tell("lines_analyzed", self.looked_at.into());
        words
    }

    /// The original's fields of a day, as far as they are not counted when it is written.
    pub(super) fn of_a_day(&self) -> Map<String, Value> {
        let mut words = Map::new();
        words.insert("avg_response_time_ms".to_owned(), self.routes.mean_ms().into());
        words.insert("top_endpoints".to_owned(), self.routes.most_asked().into());
        words.insert("error_breakdown".to_owned(), self.errors.patterns().into());
        words
    }

    /// As answers show it.
    pub(super) fn shown(&self) -> Value {
        json!({
            "looked_at": self.looked_at,
            "complete": self.complete,
            "errors": self.errors.shown(),
            "slowest_routes": self.routes.shown(),
            "components": self.components.shown(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::stored;

    #[test]
    fn the_originals_fields_tell_what_was_looked_at() {
        let mut findings = Findings::default();
        let request = |status: u64, ms: u64| {
            let fields = [
                ("method", json!("GET")),
                ("path", json!("/api/v1/jobs")),
                ("status", json!(status)),
                ("elapsed_ms", json!(ms)),
            ];
            stored(LogKind::Access, LogLevel::Info, "request", &fields)
        };
        let broken = stored(LogKind::App, LogLevel::Error, "redis is away", &[]);
        let warned = stored(LogKind::App, LogLevel::Warn, "slow", &[]);
        for entry in [request(200, 10), request(200, 20), request(503, 60), broken.clone(), broken, warned] {
            findings.add(&entry);
            findings.looked_at += 1;
        }
        let told = Value::Object(findings.in_the_originals_words(1, Span { from: 0, to: 3_600_001 }));
        assert_eq!(told["time_range"]["hours_analyzed"], 1);
        assert_eq!(told["log_levels"], json!({ "ERROR": 2, "WARNING": 1, "INFO": 3 }));
        assert_eq!(told["error_patterns"], json!({ "redis is away": 2 }));
        assert_eq!(told["request_patterns"], json!({ "GET /api/v1/jobs": 3 }));
        assert_eq!(told["lines_analyzed"], 6);
        let metrics = &told["performance_metrics"];
        assert_eq!(
            (&metrics["avg_response_time"], &metrics["slow_requests"][0]["duration_ms"]),
            (&json!(30.0), &json!(60))
        );
        assert!((metrics["error_rate"].as_f64().unwrap() - 100.0 / 3.0).abs() < 0.01);
        let day = Value::Object(findings.of_a_day());
        assert_eq!((&day["avg_response_time_ms"], &day["error_breakdown"]), (&json!(30.0), &told["error_patterns"]));
        assert_eq!(day["top_endpoints"], json!([{ "endpoint": "GET /api/v1/jobs", "count": 3 }]));
        assert_eq!(Value::Object(Findings::default().of_a_day())["avg_response_time_ms"], Value::Null);
    }
}
