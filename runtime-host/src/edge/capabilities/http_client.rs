//! `wasi:http/client`: requests of components to where the manifest lets them. Connections are pooled for the whole host;
//! redirects are the component's own business, so each hop is checked like a first request.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::Grants;
use crate::edge::body::TimedBody;
use crate::trace;

/// How long a connection may take, whatever the component asks for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the head of an answer may take, unless the component asks for less.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(600);
/// Idle connections kept to one host, and for how long.
const IDLE_PER_HOST: usize = 64;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The host's one client; cloning shares its connections.
#[derive(Clone)]
pub(crate) struct HttpClient(Client<HttpConnector, WasiBody>);

impl HttpClient {
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self(client)
    }

    async fn send(
        self,
        request: http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<http::Response<WasiBody>, Error> {
        let wait = options.first_byte_timeout.map_or(FIRST_BYTE_TIMEOUT, |t| t.min(FIRST_BYTE_TIMEOUT));
        let response = tokio::time::timeout(wait, self.0.request(request))
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| code(&error))?;
        Ok(response.map(|body| answer_body(body, options.between_bytes_timeout)))
    }
}

fn answer_body(body: Incoming, pause: Option<Duration>) -> WasiBody {
    let body = body.map_err(Error::Hyper);
    match pause {
        Some(pause) => TimedBody::new(body, pause, || Error::ConnectionReadTimeout).boxed_unsync(),
        None => body.boxed_unsync(),
    }
}

/// The component is told what kind of failure it was, never an address or a message of the host's.
fn code(error: &hyper_util::client::legacy::Error) -> Error {
    if !error.is_connect() {
        return Error::HttpProtocolError;
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::TimedOut => Error::ConnectionTimeout,
                std::io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
                _ => Error::DestinationUnavailable,
            };
        }
        source = cause.source();
    }
    Error::DestinationUnavailable
}

/// The hooks of one store.
pub(super) struct Outbound {
    grants: Arc<Grants>,
}

impl Outbound {
    pub fn new(grants: Arc<Grants>) -> Self {
        Self { grants }
    }

    fn check(&self, uri: &http::Uri) -> Result<(), Error> {
        let scheme = uri.scheme_str().ok_or(Error::HttpRequestUriInvalid)?;
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
        if !self.grants.allowed_hosts.allows(scheme, host, uri.port_u16()) {
            tracing::warn!(
                component = &*self.grants.component,
                scheme,
                host,
                port = uri.port_u16(),
                "outbound request denied: not in allowed_outbound_hosts"
            );
            return Err(Error::HttpRequestDenied);
        }
        Ok(())
    }
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outbound {
    fn is_supported_scheme(&mut self, scheme: &Scheme) -> bool {
        *scheme == Scheme::HTTP
    }

    fn send_request(
        &mut self,
        mut request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _transfer: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.check(request.uri());
        let client = self.grants.http.clone();
        let component = self.grants.component.clone();
        Box::new(async move {
            allowed?;
            let span = trace::sent(&mut request);
            span.set("component_id", || component.to_string());
            let response = client.send(request, options.unwrap_or_default()).await;
            match &response {
                Ok(response) => span.answered(response.status(), response.status().as_u16() >= 400),
                Err(_) => span.fail("no_answer"),
            }
            let response = response?;
            // The connection is driven by the pool, so there is no transfer left for the component to wait for.
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}
