//! `wasi:http/client`: requests of components to where the manifest lets them. Each component has its own pool of
//! connections, which it cannot make larger than `MOST_HOSTS` times `IDLE_PER_HOST` and the requests it has on their way;
//! redirects are the component's own business, so each hop is checked like a first request. What is sent to
//! `<id>.spin.internal` is answered by the application itself.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::uri::Scheme;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use image2model_domain::webhook::is_public;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::https::{self, CONNECT_WITHIN, Https, Trust};
use super::names::{Names, NoAddress};
use super::{Grants, Reach};
use crate::edge::body::TimedBody;
use crate::edge::serve::{Chain, Inside, target_of};
use crate::edge::swap::Caller;
use crate::trace;

/// How long a connection may take, unless the component asks for less; a handshake comes on top.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the head of an answer may take, unless the component asks for less.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a request waits while its component has as many on their way as it may.
const PLACE_WITHIN: Duration = Duration::from_secs(2);
/// Idle connections kept to one host, and for how long.
const IDLE_PER_HOST: usize = 64;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What of a body is copied out of a guest at a time, and kept until somebody takes it.
const CHUNK: usize = 64 << 10;

/// Hosts that idle connections are kept to; one more, and all that are idle are closed.
const MOST_HOSTS: usize = 16;

/// One component's connections.
pub(crate) struct HttpClient {
    kept: Mutex<Kept>,
    trust: Arc<Trust>,
    /// To components of the application itself.
    chain: Arc<Chain>,
}

struct Kept {
    clients: Clients,
    /// `host:port` that idle connections may be kept to.
    hosts: HashSet<String>,
}

/// Cloning shares the connections.
#[derive(Clone)]
struct Clients {
    /// For hosts that the manifest names.
    anywhere: Client<Https<Names>, WasiBody>,
    /// For those that a wildcard lets through.
    public: Client<Https<Names>, WasiBody>,
}

impl Clients {
    fn new(trust: &Arc<Trust>) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_max_idle_per_host(IDLE_PER_HOST).pool_idle_timeout(IDLE_TIMEOUT);
        let to = |names| builder.build(Https::new(bounded(HttpConnector::new_with_resolver(names)), trust.clone()));
        Self { anywhere: to(Names::All), public: to(Names::Public) }
    }
}

impl Kept {
    fn none(trust: &Arc<Trust>) -> Self {
        Self { clients: Clients::new(trust), hosts: HashSet::new() }
    }
}

impl HttpClient {
    pub fn new(trust: Arc<Trust>, chain: Arc<Chain>) -> Self {
        Self { kept: Mutex::new(Kept::none(&trust)), trust, chain }
    }

    /// Those for a request to `uri`. Whoever goes from host to host leaves no more than a few of them connected.
    fn clients(&self, uri: &http::Uri) -> Clients {
        let host = uri.authority().map_or_else(String::new, |authority| authority.as_str().to_ascii_lowercase());
        let mut kept = self.kept.lock();
        if !kept.hosts.contains(&host) {
            if kept.hosts.len() >= MOST_HOSTS {
                *kept = Kept::none(&self.trust);
            }
            kept.hosts.insert(host);
        }
        kept.clients.clone()
    }
}

impl Clients {
    async fn send(
        self,
        request: http::Request<WasiBody>,
        options: RequestOptions,
        reach: Reach,
        place: OwnedSemaphorePermit,
    ) -> Result<http::Response<WasiBody>, Error> {
        let wait = options.first_byte_timeout.map_or(FIRST_BYTE_TIMEOUT, |t| t.min(FIRST_BYTE_TIMEOUT));
        let sent = match reach {
            Reach::Anywhere => self.anywhere.request(request),
            Reach::Public => self.public.request(request),
        };
        let sent = async {
            match options.connect_timeout {
                Some(within) => CONNECT_WITHIN.scope(within, sent).await,
                None => sent.await,
            }
        };
        let response = tokio::time::timeout(wait, sent)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| code(&error))?;
        Ok(response.map(|body| answer_body(body, options.between_bytes_timeout, place)))
    }
}

fn bounded<R>(mut connector: HttpConnector<R>) -> HttpConnector<R> {
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector
}

/// The answer of a component of the application.
fn called(
    answer: Result<http::Response<WasiBody>, Error>,
    place: OwnedSemaphorePermit,
) -> Result<http::Response<WasiBody>, Error> {
    answer.map(|answer| answer.map(|body| held(body, place).boxed_unsync()))
}

/// `place` is held until the answer has been read, or is not wanted any more.
fn answer_body(body: Incoming, pause: Option<Duration>, place: OwnedSemaphorePermit) -> WasiBody {
    let body = held(body.map_err(Error::Hyper), place);
    match pause {
        Some(pause) => TimedBody::new(body, pause, || Error::ConnectionReadTimeout).boxed_unsync(),
        None => body.boxed_unsync(),
    }
}

fn held<B: http_body::Body>(
    body: B,
    place: OwnedSemaphorePermit,
) -> impl http_body::Body<Data = B::Data, Error = B::Error> {
    body.map_frame(move |frame| {
        let _held = &place;
        frame
    })
}

/// The component is told what kind of failure it was, as Spin tells it, never an address or a message of the host's.
fn code(error: &hyper_util::client::legacy::Error) -> Error {
    if !error.is_connect() {
        return Error::HttpProtocolError;
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            if let Some(failure) = https::failure(io) {
                return failure;
            }
            if NoAddress::is(io) {
                return Error::DnsError { rcode: Some("address not available".to_owned()), info_code: Some(0) };
            }
            return match io.kind() {
                std::io::ErrorKind::TimedOut => Error::ConnectionTimeout,
                std::io::ErrorKind::PermissionDenied => Error::DestinationIpProhibited,
                _ => Error::ConnectionRefused,
            };
        }
        source = cause.source();
    }
    Error::DestinationUnavailable
}

/// The hooks of one store.
pub(super) struct Outbound {
    grants: Arc<Grants>,
    /// How many chained calls the requests of its instance are inside of.
    pub depth: usize,
    /// Where what it was asked stands in its trace.
    pub traceparent: Option<String>,
    /// Who asked it.
    pub caller: Option<Caller>,
}

impl Outbound {
    pub fn new(grants: Arc<Grants>) -> Self {
        Self { grants, depth: 0, traceparent: None, caller: None }
    }

    fn check(&self, uri: &http::Uri) -> Result<Reach, Error> {
        let scheme = uri.scheme_str().ok_or(Error::HttpRequestUriInvalid)?;
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
        let reach = self.grants.allowed_hosts.reach(scheme, host, uri.port_u16());
        let Some(reach) = reach else {
            tracing::warn!(
                component = &*self.grants.component,
                scheme,
                host,
                port = uri.port_u16(),
                "outbound request denied: not in allowed_outbound_hosts"
            );
            return Err(Error::HttpRequestDenied);
        };
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if reach == Reach::Public && literal.is_ok_and(|address| !is_public(address)) {
            let component = &*self.grants.component;
            tracing::warn!(
                component,
                host,
                "outbound request denied: a wildcard does not reach private addresses, name it"
            );
            return Err(Error::DestinationIpProhibited);
        }
        Ok(reach)
    }
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outbound {
    /// The same as without: made anew for every header there.
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn is_supported_scheme(&mut self, scheme: &Scheme) -> bool {
        *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS
    }

    fn send_request(
        &mut self,
        mut request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _transfer: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.check(request.uri());
        let (http, places) = (self.grants.http.clone(), self.grants.outbound.clone());
        let (component, within) = (self.grants.component.clone(), self.traceparent.clone());
        let inside = Inside { depth: self.depth, caller: self.caller };
        Box::new(async move {
            let reach = allowed?;
            let chained = request.uri().host().and_then(target_of).map(str::to_owned);
            let place = tokio::time::timeout(PLACE_WITHIN, places.acquire_owned()).await;
            let place = place.ok().and_then(Result::ok).ok_or(Error::ConnectionLimitReached)?;
            let span = trace::sent(&mut request, within.as_deref());
            span.set("component_id", || component.to_string());
            let response = match chained {
                Some(id) => called(http.chain.call(&id, request, inside, &span).await, place),
                None => http.clients(request.uri()).send(request, options.unwrap_or_default(), reach, place).await,
            };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_goes_from_host_to_host_keeps_few_connected() {
        let client = HttpClient::new(Trust::new(None).unwrap(), Arc::default());
        for n in 0..10_000 {
            client.clients(&format!("http://10.0.{}.{}:80/", n / 256, n % 256).parse().unwrap());
            assert!(client.kept.lock().hosts.len() <= MOST_HOSTS);
        }
    }
}
