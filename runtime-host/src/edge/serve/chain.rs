//! Service chaining: what a component sends to `http://<id>.spin.internal`, or `https://`, is answered by that component of the
//! application, without any connection. It is a request like those from outside, with the same places, limits and counters;
//! private routes are reached in no other way.
//!
//! Components may call each other in circles. An instance that answers a chained request answers only such requests, so it
//! is known how deep a call is, and one that would be deeper than `DEEPEST` is refused.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};

use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

use super::dispatch::{self, Peers};
use super::progress::InBody;
use super::response::without_what_it_cannot_have;
use super::router::{Answer, Target};
use crate::edge::EdgeError;
use crate::edge::capabilities::Grants;
use crate::edge::manifest::{RouteMatch, RoutePattern};
use crate::edge::swap::{Caller, Slot};
use crate::trace::Span;

/// How many chained calls may be inside each other.
pub(crate) const DEEPEST: usize = 8;
/// What the hosts of chained requests end with.
const DOMAIN: &str = ".spin.internal";
/// Whoever is called so is called by no client of the outside.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The id of the component that a host names.
pub(crate) fn target_of(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or(host);
    host.strip_suffix(DOMAIN).filter(|id| !id.is_empty() && !id.contains('.'))
}

/// The components that can be called, by id.
pub(crate) struct Services(BTreeMap<String, Target>);

impl Services {
    /// Each takes every path.
    pub fn new(all: Vec<(String, Arc<Slot>, Arc<Grants>)>) -> Result<Self, EdgeError> {
        let pattern = RoutePattern::parse("/...").map_err(|message| EdgeError::invalid("service chaining", message))?;
        let one = |(id, slot, grants)| Ok((id, Target::new(pattern.clone(), Answer::Component(slot, grants))?));
        all.into_iter().map(one).collect::<Result<_, EdgeError>>().map(Self)
    }
}

/// The request that a component calls another for.
pub(crate) struct Inside {
    /// How many chained calls it is inside of itself.
    pub depth: usize,
    /// Who asked first: that a component is tried on some of the callers holds however it is reached.
    pub caller: Option<Caller>,
}

/// The way to the services. They hold what holds this, so it does not hold them.
#[derive(Default)]
pub(crate) struct Chain(OnceLock<Weak<Services>>);

impl Chain {
    /// From here on, these are called.
    pub fn lead_to(&self, services: &Arc<Services>) {
        let _first = self.0.set(Arc::downgrade(services));
    }

    /// The answer of the component `id`, which is called inside of this request.
    pub async fn call(
        &self,
        id: &str,
        request: http::Request<WasiBody>,
        inside: Inside,
        span: &Span,
    ) -> Result<http::Response<WasiBody>, Error> {
        let Inside { depth, caller } = inside;
        if depth >= DEEPEST {
            tracing::warn!(component = id, depth, "chained request refused: components call each other too deeply");
            return Err(Error::LoopDetected);
        }
        let services = self.0.get().and_then(Weak::upgrade).ok_or(Error::DestinationUnavailable)?;
        let target = services.0.get(id).ok_or(Error::DestinationNotFound)?;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let found = RouteMatch { params: Vec::new(), rest: &path };
        let peers = Peers {
            client: NOBODY,
            client_header: HeaderValue::from_static("0.0.0.0:0"),
            local: NOBODY,
            encrypted: false,
        };
        let asked = dispatch::Asked { target, found, peers: &peers, depth: depth + 1, caller, origins: None };
        let is_head = parts.method == Method::HEAD;
        let answer = dispatch::component(asked, parts, InBody::Component(body), span).await;
        let answer = without_what_it_cannot_have(answer, is_head);
        Ok(answer.map(|body| body.map_err(|_| Error::ConnectionTerminated).boxed_unsync()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whom_a_host_means() {
        assert_eq!(target_of("web.spin.internal"), Some("web"));
        assert_eq!(target_of("web-2.spin.internal:80"), Some("web-2"));
        for other in ["spin.internal", ".spin.internal", "a.b.spin.internal", "web.spin.internal.example", "web"] {
            assert_eq!(target_of(other), None, "{other}");
        }
    }
}
