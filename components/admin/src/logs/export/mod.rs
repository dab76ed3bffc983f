//! `POST /logs/export` `{type, from, to, level, format}`: entries as a download, oldest first, one log after the other.
//!
//! Sent as it is read: a page of entries is all that is held, however long the download is.

mod form;

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc::{Sender, channel};
use http::header::CONTENT_DISPOSITION;
use image2model_domain::file_name;
use image2model_domain::log::{LogKind, LogLevel};
use image2model_domain::time::date;
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
struct Order {
    #[serde(rename = "type")]
    kind: Option<String>,
    from: Option<String>,
    to: Option<String>,
    level: Option<String>,
    format: Option<String>,
}

/// Begins the download.
pub(crate) async fn run(mut context: Context) -> Result<Reply, Failure> {
    let order: Order = context.json(LONGEST_BODY).await?;
    let kinds = ask::kinds(order.kind.as_deref())?;
    let mut span = ask::span(order.from.as_deref(), order.to.as_deref())?;
    let level = ask::level(order.level.as_deref())?;
    let form = Form::parse(order.format.as_deref())?;
    let now = clock::now_ms();
    // What is logged meanwhile, by this very download as well, is not part of it.
    span.to = span.to.min(now + 1);
    let name = format!("logs_{}_{}.{}", order.kind.as_deref().unwrap_or("all"), date(now), form.extension());
    audit::asked(&context, &json!({ "type": order.kind, "from": order.from, "to": order.to, "format": order.format }));
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
