//! What Spin tells a component about its request, in `spin-*` headers, and the absolute URI that wasi:http wants.
//! Headers of that name which a client sent are dropped: only the host may speak in them.

use std::net::SocketAddr;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header, request};

use super::chain::target_of;
use super::dispatch::Peers;
use super::router::Target;
use crate::edge::manifest::{RouteMatch, told_as};

const PREFIX: &str = "spin-";
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
/// How many headers a request gets on its way to a component: those, and its id. What a route matched, and a trace, come on top.
pub(super) const ADDED: usize = 8;

/// Why a request's head cannot be handed to a component.
#[derive(Debug)]
pub(super) struct BadHead;

/// The values that depend on the request, made while its path is still borrowed.
pub(super) struct SpinHeaders {
    path_info: HeaderValue,
    params: Vec<(HeaderName, HeaderValue)>,
}

impl SpinHeaders {
    pub fn new(found: &RouteMatch<'_>) -> Result<Self, BadHead> {
        let mut params = Vec::with_capacity(found.params.len());
        for (name, value) in &found.params {
            let name = HeaderName::try_from(format!("spin-path-match-{}", told_as(name)));
            params.push((name.map_err(|_| BadHead)?, HeaderValue::from_str(value).map_err(|_| BadHead)?));
        }
        Ok(Self { path_info: HeaderValue::from_str(found.rest).map_err(|_| BadHead)?, params })
    }
}

/// Rewrites a request's head into what the component gets.
pub(super) fn prepare(
    parts: &mut request::Parts,
    target: &Target,
    spin: SpinHeaders,
    peers: &Peers,
) -> Result<(), BadHead> {
    drop_reserved(&mut parts.headers);
    join_cookies(&mut parts.headers);
    let scheme = if peers.encrypted { Scheme::HTTPS } else { Scheme::HTTP };
    let authority = authority(parts, peers.local)?;
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let full_url = HeaderValue::try_from(written(&scheme, &authority, &path)).map_err(|_| BadHead)?;
    let headers = &mut parts.headers;
    headers.insert(FULL_URL, full_url);
    headers.insert(PATH_INFO, spin.path_info);
    headers.insert(MATCHED_ROUTE, target.matched.clone());
    headers.insert(COMPONENT_ROUTE, target.prefix.clone());
    headers.insert(RAW_COMPONENT_ROUTE, target.raw.clone());
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    headers.insert(CLIENT_ADDR, peers.client_header.clone());
    headers.extend(spin.params);
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
    parts.uri = uri.map_err(|_| BadHead)?;
    Ok(())
}

/// An absolute URI. Of one that has a query and no path, `/` is the path (RFC 9110 section 4.2.3).
fn written(scheme: &Scheme, authority: &Authority, path: &PathAndQuery) -> String {
    let root = if path.as_str().starts_with('?') { "/" } else { "" };
    [scheme.as_str(), "://", authority.as_str(), root, path.as_str()].concat()
}

/// Drops the headers only the host may set, and those of the connection itself. Who of the application was called by
/// another component is no host that anybody outside knows.
fn drop_reserved(headers: &mut HeaderMap) {
    headers.remove(header::CONNECTION);
    if headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| target_of(host).is_some()) {
        headers.remove(header::HOST);
    }
    if headers.keys().any(|name| name.as_str().starts_with(PREFIX)) {
        let names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
}

/// Cookies that came one by one, as over HTTP/2, are one field to a component, which need not know of any other form
/// (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let fields: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if fields.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&fields.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// Whether a client's request says once whom it is for, as HTTP/1.1 wants it (RFC 9112 section 3.2): of two hosts, whoever is
/// in front may have gone by the other one. And whether it is for anybody here: this is no proxy that tunnels.
pub(super) fn is_addressed(parts: &request::Parts) -> bool {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let is_once = hosts.next().is_some() && hosts.next().is_none();
    (is_once || parts.version != Version::HTTP_11) && parts.method != Method::CONNECT
}

/// Whom the client believes to be talking to: its `Host`, or the address it connected to. Another component talks to nobody
/// that has an address.
fn authority(parts: &request::Parts, local: SocketAddr) -> Result<Authority, BadHead> {
    match parts.uri.authority() {
        Some(authority) if target_of(authority.host()).is_some() => return Ok(Authority::from_static("localhost")),
        Some(authority) => return Ok(authority.clone()),
        None => {}
    }
    match parts.headers.get(header::HOST) {
        Some(host) if !host.is_empty() => Authority::try_from(host.as_bytes()).map_err(|_| BadHead),
        _ => Authority::try_from(local.to_string()).map_err(|_| BadHead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_written_whole() {
        for (uri, whole) in
            [("http://a.example?b", "http://a.example/?b"), ("http://a.example:8/b?c", "http://a.example:8/b?c")]
        {
            let parts = uri.parse::<Uri>().unwrap().into_parts();
            let (scheme, authority) = (parts.scheme.unwrap(), parts.authority.unwrap());
            assert_eq!(written(&scheme, &authority, &parts.path_and_query.unwrap()), whole);
        }
    }

    #[test]
    fn cookies_of_several_fields_are_one_to_a_component() {
        let mut headers = HeaderMap::new();
        join_cookies(&mut headers);
        assert!(headers.is_empty());
        for cookie in ["a=1", "b=2; c=3", "d=4"] {
            headers.append(header::COOKIE, HeaderValue::from_static(cookie));
        }
        join_cookies(&mut headers);
        let all: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(all, ["a=1; b=2; c=3; d=4"]);
    }
}
