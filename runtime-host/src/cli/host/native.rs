//! What the host answers itself on the application's port: the event streams, FAL.AI's webhooks, and readiness while it is
//! stopping.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use image2model_host::edge::{Carry, Hangup, NativeRoutes, Request, Response, TakenOver, empty_body, full_body};
use image2model_host::stream::{self, Streams};
use tokio_util::sync::CancellationToken;

use super::fal_webhook::FalWebhook;

const READINESS: [&str; 4] = ["/health/ready", "/health/readiness", "/api/v1/health/ready", "/api/v1/health/readiness"];

pub struct Native {
    /// `None` when a stream server stands apart, or the application is another.
    pub streams: Option<Streams>,
    /// `None` when the application is another.
    pub fal_webhook: Option<Arc<FalWebhook>>,
    /// Cancelled when the host begins to stop.
    pub stopping: CancellationToken,
}

impl NativeRoutes for Native {
    fn takes(&self, head: &http::request::Parts) -> bool {
        let path = head.uri.path();
        self.streams.as_ref().is_some_and(|streams| streams.handles(path))
            || (self.fal_webhook.is_some() && FalWebhook::handles(path))
            || (self.stopping.is_cancelled() && is_readiness(path))
    }

    fn handle(&self, request: Request, client: SocketAddr) -> BoxFuture<'static, Response> {
        let (streams, fal_webhook) = (self.streams.clone(), self.fal_webhook.clone());
        Box::pin(async move {
            if let Some(fal_webhook) = fal_webhook.filter(|_| FalWebhook::handles(request.uri().path())) {
                return fal_webhook.handle(request).await;
            }
            let (mut head, _) = request.into_parts();
            if let Some(Hangup(token)) = head.extensions.remove() {
                head.extensions.insert(stream::Hangup(token));
            }
            match streams.filter(|streams| streams.handles(head.uri.path())) {
                Some(streams) => streams.handle(&head, client).await,
                None => not_ready(),
            }
        })
    }

    fn takes_over(&self, path: &str) -> bool {
        self.streams.as_ref().is_some_and(|streams| streams.takes_over(path))
    }

    fn take_over(&self, head: Parts, client: SocketAddr) -> BoxFuture<'static, TakenOver> {
        let streams = self.streams.clone();
        Box::pin(async move {
            let Some(streams) = streams else {
                return TakenOver { response: Response::new(empty_body()), carry: None };
            };
            let (response, live) = streams.take_over(&head, client).await;
            let carry = live.map(|live| -> Carry {
                Box::new(move |stream, head, place| Box::pin(live.carry(stream, head, Some(place))))
            });
            TakenOver { response, carry }
        })
    }
}

fn is_readiness(path: &str) -> bool {
    READINESS.contains(&path.trim_end_matches('/'))
}

fn not_ready() -> Response {
    let mut response =
        Response::new(full_body(r#"{"status":"not_ready","checks":{},"components":[],"reason":"stopping"}"#));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
