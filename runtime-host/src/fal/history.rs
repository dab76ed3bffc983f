//! FAL's request history: finds a request again whose submit was never answered. The image's URL is unique to the attempt
//! and ends with a name that says which attempt of which file it is, so a request is found by either.

use std::ops::Range;

use image2model_domain::digest::{sha256_hex, short_digest};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::class::Stage;
use super::client::FalClient;
use super::endpoint::EndpointId;
use super::error::FalError;

/// Most pages of a hundred that one look turns over: what it may look at is bounded by time, and this is more than a day of
/// an account at full load. Only a history that never ends is left unread.
const MOST_PAGES: usize = 1000;

/// What a request is known by.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// Its id.
    Id(&'a str),
    /// Text that stands somewhere in its input.
    Input(&'a str),
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// A request.
    pub by: Known<'a>,
    /// Sent not before this, ms since 1970.
    pub since: i64,
    /// Sent before this, ms since 1970.
    pub until: i64,
}

/// A request as the history has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its id.
    pub request_id: String,
    /// When it was sent, as FAL writes it.
    pub sent_at: String,
    /// Whether it has begun to run.
    pub started: bool,
    /// HTTP status of its result, once it has ended.
    pub status_code: Option<u16>,
    /// What it was given.
    pub input: Value,
    /// What it gave.
    pub output: Value,
}

impl Recorded {
    /// Whether there is, or may still come, a model of it.
    #[must_use]
    pub fn is_promising(&self) -> bool {
        self.status_code.is_none_or(|status| (200..300).contains(&status))
    }

    /// Whether its input says `text` somewhere: every model calls its image field differently.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        text_with(&self.input, text).is_some()
    }

    /// Whether the history keeps to itself what it was given, as it does where an account or a caller stores none of that. One
    /// that still runs may show it later.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.status_code.is_some() && self.input.is_null()
    }

    fn is(&self, known: Known<'_>) -> bool {
        match known {
            Known::Id(id) => self.request_id == id,
            Known::Input(text) => self.mentions(text),
        }
    }

    /// The text of its input that says `part`.
    #[must_use]
    pub fn text_with(&self, part: &str) -> Option<&str> {
        text_with(&self.input, part)
    }

    fn read(item: &Value) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            request_id: text("request_id")?,
            sent_at: text("sent_at").unwrap_or_default(),
            started: text("started_at").is_some(),
            status_code: item.get("status_code").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()),
            input: item.get("json_input").cloned().unwrap_or_default(),
            output: item.get("json_output").cloned().unwrap_or_default(),
        })
    }
}

impl FalClient {
    /// The requests to `endpoint` that are looked for, newest first. Reads no further than the first promising one.
    ///
    /// # Errors
    /// Trouble on the way, more history than is read, or [`FalError::Hidden`] when no promising one is among those whose input
    /// can be looked at; nothing is known then.
    pub async fn find_requests(&self, endpoint: &EndpointId, sought: Sought<'_>) -> Result<Vec<Recorded>, FalError> {
        let (mut found, mut hidden): (Vec<Recorded>, _) = (Vec::new(), false);
        let take = |items: &[Value]| {
            let read = items.iter().filter_map(Recorded::read);
            found.extend(read.inspect(|item| hidden |= item.is_hidden()).filter(|item| item.is(sought.by)));
            found.iter().any(Recorded::is_promising)
        };
        self.turn_pages(endpoint, sought.since, sought.until, take).await?;
        // One that failed may be an attempt's before the one that is looked for.
        let decides = found.iter().any(Recorded::is_promising);
        if hidden && !decides && matches!(sought.by, Known::Input(_)) {
            return Err(FalError::Hidden);
        }
        found.sort_by(|a, b| b.sent_at.cmp(&a.sent_at));
        Ok(found)
    }

    /// Every request to `endpoint` that was sent in this time, newest first, without what it gave.
    ///
    /// # Errors
    /// As of [`FalClient::find_requests`].
    pub async fn list_requests(
        &self,
        endpoint: &EndpointId,
        since: i64,
        until: i64,
    ) -> Result<Vec<Recorded>, FalError> {
        let mut listed: Vec<Recorded> = Vec::new();
        let take = |items: &[Value]| {
            let read = items.iter().filter_map(Recorded::read);
            listed.extend(read.map(|request| Recorded { output: Value::Null, ..request }));
            false
        };
        self.turn_pages(endpoint, since, until, take).await?;
        listed.sort_by(|a, b| b.sent_at.cmp(&a.sent_at));
        Ok(listed)
    }

    /// Reads page after page until all are read, or `take` has had enough.
    async fn turn_pages(
        &self,
        endpoint: &EndpointId,
        since: i64,
        until: i64,
        mut take: impl FnMut(&[Value]) -> bool,
    ) -> Result<(), FalError> {
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let page = self.history_page(endpoint, since..until, 100, cursor.as_deref()).await?;
            let Some(items) = page.get("items").and_then(Value::as_array) else {
                return Err(FalError::Unreadable { stage: Stage::History, what: "no items in the history".to_owned() });
            };
            let enough = take(items);
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            match (&cursor, page.get("has_more")) {
                _ if enough => return Ok(()),
                (None, Some(Value::Bool(true))) => {
                    let what = "the history goes on, and does not say where".to_owned();
                    return Err(FalError::Unreadable { stage: Stage::History, what });
                }
                (None, _) | (_, Some(Value::Bool(false))) => return Ok(()),
                (Some(_), _) => {}
            }
        }
        // Not having read it all is no "no".
        let what = format!("the history goes on after {MOST_PAGES} pages");
        Err(FalError::Unreadable { stage: Stage::History, what })
    }

    /// Whether the history may be read at all.
    ///
    /// # Errors
    /// [`Class::Blind`](super::Class::Blind) when not, or trouble on the way.
    pub async fn try_history(&self, endpoint: &EndpointId, now: i64) -> Result<(), FalError> {
        self.history_page(endpoint, now.saturating_sub(60_000)..now, 1, None).await.map(|_| ())
    }

    /// Names the history that is read, by its place and the key's public part: what one lists, another need not.
    #[must_use]
    pub fn whose_history(&self) -> String {
        let key = self.history_key().expose_secret();
        let id = key.split_once(':').map_or("", |(id, _)| id);
        short_digest(&sha256_hex(format!("{} {id}", self.config.api_url).as_bytes()))
    }

    fn history_key(&self) -> &SecretString {
        self.config.history_key.as_ref().unwrap_or(&self.config.key)
    }

    async fn history_page(
        &self,
        endpoint: &EndpointId,
        sent: Range<i64>,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Value, FalError> {
        let base = self.config.api_url.trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}/v1/models/requests/by-endpoint"))
            .map_err(|e| FalError::Config(e.to_string()))?;
        let time = image2model_domain::time::rfc3339;
        url.query_pairs_mut()
            .append_pair("endpoint_id", endpoint.as_str())
            .append_pair("start", &time(sent.start))
            .append_pair("end", &time(sent.end))
            .append_pair("expand", "payloads")
            .append_pair("limit", &limit.to_string())
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        let call = self.call_as(self.history_key(), Method::GET, url.as_str());
        Ok(self.send(Stage::History, call).await?.json)
    }
}

fn text_with<'a>(input: &'a Value, part: &str) -> Option<&'a str> {
    match input {
        Value::String(text) => text.contains(part).then_some(text),
        Value::Array(items) => items.iter().find_map(|item| text_with(item, part)),
        Value::Object(fields) => fields.values().find_map(|value| text_with(value, part)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fal::{Class, FalConfig};
    use serde_json::json;

    const IMAGE: &str = "https://v3.fal.media/files/a/x_f1-0-0_chair.png";

    /// Looks into a history of these pages; the last of them goes on and on.
    async fn look(pages: Vec<Value>, by: Known<'_>) -> Result<Vec<Recorded>, FalError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let turned = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let app = axum::Router::new().fallback(move || {
            let at = turned.fetch_add(1, std::sync::atomic::Ordering::Relaxed).min(pages.len() - 1);
            std::future::ready(axum::Json(pages[at].clone()))
        });
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let client = FalClient::new(FalConfig { api_url: base, ..FalConfig::new("id:secret".into()) }).unwrap();
        let endpoint = EndpointId::parse("tripo3d/tripo/v2.5/image-to-3d").unwrap();
        let looked = client.find_requests(&endpoint, Sought { by, since: 0, until: 1 }).await;
        server.abort();
        looked
    }

    fn item(id: &str, sent_at: &str, status: Option<u16>) -> Value {
        json!({ "request_id": id, "sent_at": sent_at, "status_code": status, "json_input": { "images": [IMAGE] } })
    }

    #[tokio::test]
    async fn a_history_too_long_to_be_read_has_not_said_no() {
        let endless = json!({ "items": [], "next_cursor": "more", "has_more": true });
        assert!(look(vec![endless], Known::Input(IMAGE)).await.is_err());
    }

    #[tokio::test]
    async fn a_busy_day_is_read_to_its_end() {
        let page = |n: usize| json!({ "items": [item(&n.to_string(), "", Some(500))], "next_cursor": "more" });
        let mut pages: Vec<Value> = (0..50).map(page).collect();
        pages.push(json!({ "items": [item("first", "", Some(200))] }));
        assert_eq!(look(pages, Known::Input(IMAGE)).await.unwrap().len(), 51);
    }

    #[tokio::test]
    async fn requests_are_found_by_url_by_name_or_by_id_newest_first() {
        let first = json!({ "items": [item("old", "2026-01-01T00:00:00Z", Some(500))], "next_cursor": "2" });
        let second = json!({ "items": [item("new", "2026-01-02T00:00:00Z", None), json!({ "request_id": "other" })] });
        for text in [IMAGE, "f1-0-"] {
            let found = look(vec![first.clone(), second.clone()], Known::Input(text)).await.unwrap();
            let ids: Vec<_> = found.iter().map(|request| request.request_id.as_str()).collect();
            assert_eq!(ids, ["new", "old"], "{text}");
            assert_eq!((found[0].is_promising(), found[1].is_promising()), (true, false));
        }
        assert_eq!(look(vec![first, second], Known::Id("other")).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_history_that_hides_what_requests_were_given_has_not_said_no() {
        let hidden = json!({ "request_id": "hidden", "status_code": 200 });
        let running = json!({ "request_id": "running" });
        let failed = item("failed", "2026-01-01T00:00:00Z", Some(500));
        let page = |items: &[&Value]| vec![json!({ "items": items })];
        let other = item("other", "2026-01-01T00:00:00Z", Some(200));
        let input = Known::Input("f2-0-");
        let blind = look(page(&[&other, &hidden]), input).await.unwrap_err();
        assert_eq!((blind.class(), blind.code()), (Class::Blind, "HISTORY_BLIND"));
        assert!(look(page(&[&failed, &hidden]), Known::Input(IMAGE)).await.is_err(), "of an attempt before");
        assert!(look(page(&[&other, &running]), input).await.unwrap().is_empty());
        assert_eq!(look(page(&[&hidden, &other]), Known::Input(IMAGE)).await.unwrap().len(), 1, "it is there");
        assert!(look(page(&[&hidden]), Known::Id("none")).await.unwrap().is_empty(), "ids are never hidden");
    }

    #[tokio::test]
    async fn a_history_that_goes_on_nowhere_has_not_said_no() {
        assert!(look(vec![json!({ "items": [], "has_more": true })], Known::Input(IMAGE)).await.is_err());
        let last = json!({ "items": [], "has_more": false, "next_cursor": "more" });
        assert!(look(vec![last], Known::Input(IMAGE)).await.unwrap().is_empty());
    }
}
