//! One call, as every handler gets it.

use crate::{errors::ApiError, origin::Target, sim::Sim};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use std::{collections::HashMap, net::SocketAddr, sync::Arc};

/// Longest JSON body; images inside are `data:` URIs.
pub const MOST_JSON: u64 = 64 << 20;

/// A call and what it is for.
pub struct Context {
    /// The simulator.
    pub sim: Arc<Sim>,
    /// The caller's address.
    pub peer: SocketAddr,
    /// What the call is for.
    pub target: Target,
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, not read yet.
    pub body: Body,
}

impl Context {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The query, the last of equal names.
    pub fn query(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.target.query.as_bytes()).into_owned().collect()
    }

    /// One value of the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query().remove(name)
    }

    /// Reads the body as JSON; an empty one is `null`.
    pub async fn read_json(&mut self) -> Result<Value, ApiError> {
        let bytes = self.read(MOST_JSON).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::BadRequest(format!("The request body is not valid JSON: {error}")))
    }

    /// Reads the body now, to be handled later.
    pub async fn buffer(&mut self) -> Result<(), ApiError> {
        self.body = self.read(MOST_JSON).await?.into();
        Ok(())
    }

    async fn read(&mut self, most: u64) -> Result<Bytes, ApiError> {
        let body = std::mem::take(&mut self.body);
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        match Limited::new(body, limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(ApiError::TooLarge(most)),
            Err(_) => Err(ApiError::BodyBroken),
        }
    }

    /// Reads and forgets the body, so that the caller can finish sending before it gets its answer.
    pub async fn drain(&mut self) {
        let mut body = std::mem::take(&mut self.body);
        while let Some(Ok(_)) = body.frame().await {}
    }
}
