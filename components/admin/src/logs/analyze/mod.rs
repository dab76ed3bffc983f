//! `GET /logs/analyze?hours=&type=`: what goes wrong most, which routes are slow, which components fail.
//!
//! Made from the newest entries of the span, a bounded number; `complete` says whether these were all.

mod components;
mod errors;
mod routes;

use image2model_domain::log::LogKind;
use image2model_domain::time::rfc3339;
use image2model_kit::{Context, Failure, Reply, clock, reply};
use serde_json::{Value, json};

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
