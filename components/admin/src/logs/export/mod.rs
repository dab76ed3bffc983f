//! `POST /logs/export` `{type, from, to, level, format}`: entries as a download, oldest first, one log after the other. The
//! original's `log_types`, `start_date` and `end_date` are understood in the body and in the query, where it had them.
//!
//! Sent as it is read: a page of entries is all that is held, however long the download is.

mod form;

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc::{Sender, channel};
use http::header::CONTENT_DISPOSITION;
use image2model_domain::log::{LogKind, LogLevel};
use image2model_domain::time::date;
use image2model_domain::{Problem, file_name};
use image2model_kit::query::Query;
use image2model_kit::{Context, Failure, Reply, clock, log, reply};
use serde::Deserialize;
use serde_json::json;

use super::ask::{self, Span};
use super::store::{Raw, Walk};
use crate::audit;
use form::Form;

const LONGEST_BODY: usize = 4096;
/// Entries read, and sent, at once.
const PAGE: usize = 250;
/// How many pieces may wait for the client.
const PIECES_AHEAD: usize = 1;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(rename = "type")]
    kind: Option<String>,
    log_types: Option<Vec<String>>,
    #[serde(alias = "start_date")]
    from: Option<String>,
    #[serde(alias = "end_date")]
    to: Option<String>,
    level: Option<String>,
    format: Option<String>,
}

impl Order {
    /// What the body leaves open, as the query has it in the original's words.
    fn or(self, query: &Query) -> Self {
        let text = |name| query.get(name).map(str::to_owned);
        let types: Vec<String> = query.all("log_types").map(str::to_owned).collect();
        Self {
            log_types: self.log_types.or((!types.is_empty()).then_some(types)),
            from: self.from.or_else(|| text("start_date")),
            to: self.to.or_else(|| text("end_date")),
            ..self
        }
    }

    /// The logs that are named, by one word or by several; all when none is.
    fn kinds(&self) -> Result<Vec<LogKind>, Problem> {
        let named: Vec<&String> = self.kind.iter().chain(self.log_types.iter().flatten()).collect();
        if named.is_empty() {
            return ask::kinds(None);
        }
        let kinds: Result<Vec<_>, _> = named.iter().map(|name| ask::kinds(Some(name))).collect();
        let kinds: Vec<LogKind> = kinds?.concat();
        Ok(LogKind::ALL.iter().copied().filter(|kind| kinds.contains(kind)).collect())
    }
}

/// Begins the download.
pub(crate) async fn run(mut context: Context) -> Result<Reply, Failure> {
    let order = context.json::<Order>(LONGEST_BODY).await?.or(&context.query);
    let kinds = order.kinds()?;
    let mut span = ask::span(order.from.as_deref(), order.to.as_deref())?;
    let level = ask::level(order.level.as_deref())?;
    let form = Form::parse(order.format.as_deref())?;
    let now = clock::now_ms();
    // What is logged meanwhile, by this very download as well, is not part of it.
    span.to = span.to.min(now + 1);
    let name = format!("logs_{}_{}.{}", order.kind.as_deref().unwrap_or("all"), date(now), form.extension());
    let types: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    audit::asked(&context, &json!({ "types": types, "from": order.from, "to": order.to, "format": order.format }));
    let (pieces, body) = channel(PIECES_AHEAD);
    let mut answer = reply::stream(200, form.media_type(), body)?;
    reply::insert(&mut answer, CONTENT_DISPOSITION.as_str(), &file_name::content_disposition("attachment", &name));
    let request_id = context.request_id.clone();
    spin_sdk::wasip3::spawn(async move {
        let mut export = Export { kinds, span, level, form, pieces };
        if let Err(error) = export.all().await {
            log::warn("log export broke off", &json!({ "request_id": request_id, "error": error.to_string() }));
            // Without its last chunk the client sees that it is not whole.
            let _ = export.pieces.send(Err(error)).await;
        }
    });
    Ok(answer)
}

struct Export {
    kinds: Vec<LogKind>,
    span: Span,
    level: Option<LogLevel>,
    form: Form,
    pieces: Sender<anyhow::Result<Bytes>>,
}

impl Export {
    async fn all(&mut self) -> anyhow::Result<()> {
        self.send(self.form.head()).await?;
        for kind in self.kinds.clone() {
            let mut walk = Walk::forwards(kind, self.span).await?;
            while !walk.is_over() {
                let page = walk.page(PAGE).await?;
                self.send(self.piece(&page)).await?;
            }
        }
        Ok(())
    }

    fn piece(&self, page: &[Raw]) -> Vec<u8> {
        let mut piece = Vec::new();
        let wanted = |level: LogLevel| self.level.is_none_or(|least| level <= least);
        for stored in page.iter().filter_map(Raw::read).filter(|stored| wanted(stored.entry.level)) {
            self.form.write(&stored, &mut piece);
        }
        piece
    }

    async fn send(&mut self, piece: Vec<u8>) -> anyhow::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(Ok(piece.into())).await.map_err(|_| anyhow::anyhow!("the client is gone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(body: &str, query: &str) -> Order {
        serde_json::from_str::<Order>(body).unwrap().or(&Query::parse(query))
    }

    #[test]
    fn the_originals_words_mean_the_same_in_the_body_and_in_the_query() {
        let body = r#"{"start_date": "2026-11-20", "end_date": "2026-11-21", "log_types": ["worker", "app"]}"#;
        let query = "start_date=2026-11-20&end_date=2026-11-21&log_types=worker&log_types=app";
        for asked in [order(body, ""), order("{}", query)] {
            assert_eq!((asked.from.as_deref(), asked.to.as_deref()), (Some("2026-11-20"), Some("2026-11-21")));
            assert_eq!(asked.kinds().unwrap(), [LogKind::App, LogKind::Worker]);
        }
        assert_eq!(order(r#"{"from": "2026-11-19"}"#, query).from.as_deref(), Some("2026-11-19"), "the body counts");
        assert_eq!(order("{}", "").kinds().unwrap(), LogKind::ALL);
        assert_eq!(order("{}", "log_types=apache").kinds().unwrap_err().status(), 422);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(serde_json::from_str::<Order>(r#"{"since": "2026-11-20"}"#).is_err());
    }
}
