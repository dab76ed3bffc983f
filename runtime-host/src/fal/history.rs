//! FAL's request history: finds a request again whose submit was never answered. Its image URL is unique to the attempt,
//! so it is found by it (FAL.md §7.2).

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::client::FalClient;
use super::endpoint::EndpointId;
use super::error::{FalError, Stage};

/// Most pages of a hundred that one look turns over.
const MOST_PAGES: usize = 20;

impl FalClient {
    /// The id of the request to `endpoint` that was given `image_url`, sent not before `since` (ms since 1970).
    ///
    /// # Errors
    /// Trouble on the way, or more history than is read; nothing is known then.
    pub async fn find_request(
        &self,
        endpoint: &EndpointId,
        image_url: &str,
        since: i64,
    ) -> Result<Option<String>, FalError> {
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let url = self.history_url(endpoint, since, cursor.as_deref())?;
            let page = self.send(Stage::Follow, self.call(Method::GET, url.as_str())).await?.json;
            let Some(items) = page.get("items").and_then(Value::as_array) else {
                return Err(FalError::Unreadable { stage: Stage::Follow, what: "no items in the history".to_owned() });
            };
            let found = items.iter().find(|item| item.get("json_input").is_some_and(|input| names(input, image_url)));
            if let Some(id) = found.and_then(|item| item.get("request_id")).and_then(Value::as_str) {
                return Ok(Some(id.to_owned()));
            }
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || page.get("has_more") == Some(&Value::Bool(false)) {
                return Ok(None);
            }
        }
        // Not having read it all is no "no".
        let what = format!("the history goes on after {MOST_PAGES} pages");
        Err(FalError::Unreadable { stage: Stage::Follow, what })
    }

    fn history_url(&self, endpoint: &EndpointId, since: i64, cursor: Option<&str>) -> Result<Url, FalError> {
        let base = self.config.api_url.trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}/v1/models/requests/by-endpoint"))
            .map_err(|e| FalError::Config(e.to_string()))?;
        url.query_pairs_mut()
            .append_pair("endpoint_id", endpoint.as_str())
            .append_pair("start", &image2model_domain::time::rfc3339(since))
            .append_pair("expand", "payloads")
            .append_pair("limit", "100")
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        Ok(url)
    }
}

/// Whether the text stands anywhere in the input: every model calls its image field differently.
fn names(input: &Value, text: &str) -> bool {
    match input {
        Value::String(value) => value == text,
        Value::Array(items) => items.iter().any(|item| names(item, text)),
        Value::Object(fields) => fields.values().any(|value| names(value, text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fal::FalConfig;

    /// A history that always has one more page.
    async fn endless() -> axum::Json<Value> {
        axum::Json(serde_json::json!({ "items": [], "next_cursor": "more", "has_more": true }))
    }

    #[tokio::test]
    async fn a_history_too_long_to_be_read_has_not_said_no() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(endless);
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let client = FalClient::new(FalConfig { api_url: base, ..FalConfig::new("id:secret".into()) }).unwrap();
        let endpoint = EndpointId::parse("tripo3d/tripo/v2.5/image-to-3d").unwrap();
        let looked = client.find_request(&endpoint, "https://v3.fal.media/files/a/b.png", 0).await;
        assert!(looked.is_err(), "{looked:?}");
        server.abort();
    }
}
