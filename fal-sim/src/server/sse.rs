//! Server-sent events over a channel: a task writes, the answer's body reads; a gone reader ends the task.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// The writing end.
pub struct Events(mpsc::Sender<Result<Bytes, Infallible>>);

/// The reader has gone.
pub struct Gone;

/// An event stream and the end that writes to it.
pub fn channel() -> (Events, Response) {
    let (sender, receiver) = mpsc::channel(16);
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    (Events(sender), response)
}

impl Events {
    /// Writes one event.
    pub async fn send(&self, data: &Value) -> Result<(), Gone> {
        self.raw(format!("data: {data}\n\n")).await
    }

    /// Writes a comment, which keeps the connection alive.
    pub async fn ping(&self) -> Result<(), Gone> {
        self.raw(": ping\n\n".into()).await
    }

    async fn raw(&self, text: String) -> Result<(), Gone> {
        self.0.send(Ok(Bytes::from(text))).await.map_err(|_| Gone)
    }
}
