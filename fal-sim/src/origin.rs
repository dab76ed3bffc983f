//! Where a call came in, and thereby how URLs in its answer must look: FAL's clients follow the URLs they are given.
//! Three ways lead in: a path prefix on our own address, one of FAL's host names, or a proxied call that names its
//! target in `x-fal-target-url`.

use http::{HeaderMap, Uri, header};

/// One of FAL's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// queue.fal.run
    Queue,
    /// fal.run
    Run,
    /// rest.fal.ai
    Rest,
    /// v3.fal.media
    Cdn,
    /// api.fal.ai
    Api,
    /// Our own control interface.
    Control,
}

/// Prefix, FAL's host name, our `.localhost` name.
const SERVICES: [(Service, &str, &[&str]); 5] = [
    (Service::Queue, "queue", &["queue.fal.run", "queue.falrun.com", "queue.localhost"]),
    (Service::Run, "run", &["fal.run", "falrun.com", "run.localhost"]),
    (Service::Rest, "rest", &["rest.fal.ai", "rest.alpha.fal.ai", "rest.localhost"]),
    (Service::Cdn, "cdn", &["v3.fal.media", "v3b.fal.media", "fal.media", "storage.googleapis.com", "cdn.localhost"]),
    (Service::Api, "api", &["api.fal.ai", "api.localhost"]),
];

/// How the caller reached us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By path prefix below this root (`http://127.0.0.1:8080`).
    Prefixed {
        /// Scheme and authority.
        root: String,
    },
    /// By host name.
    Named {
        /// `http` or `https`.
        scheme: String,
        /// `:8080`, or nothing.
        port: String,
        /// Whether `.localhost` names are in use.
        local: bool,
    },
}

impl Origin {
    /// Base URL of a service for this caller, without a trailing slash.
    pub fn base(&self, service: Service) -> String {
        let Some((_, prefix, hosts)) = SERVICES.iter().find(|(known, ..)| *known == service) else {
            return String::new();
        };
        match self {
            Self::Prefixed { root } => format!("{root}/{prefix}"),
            Self::Named { scheme, port, local } => {
                let host = if *local { hosts.last() } else { hosts.first() };
                format!("{scheme}://{}{port}", host.copied().unwrap_or_default())
            }
        }
    }
}

/// What a call is for.
#[derive(Clone, Debug)]
pub struct Target {
    /// The service.
    pub service: Service,
    /// Path within it, without leading or trailing slashes, still percent-encoded.
    pub path: String,
    /// Query string, empty when there is none.
    pub query: String,
    /// How URLs in the answer must look.
    pub origin: Origin,
    /// The call came by way of the proxy.
    pub proxied: bool,
}

/// Finds the target of a call; `address` stands in for a missing `Host`. `None` when it is for no service of ours.
pub fn resolve(uri: &Uri, headers: &HeaderMap, address: std::net::SocketAddr) -> Option<Target> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).map_or_else(|| address.to_string(), str::to_owned);
    let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
    let prefixed = Origin::Prefixed { root: format!("{scheme}://{host}") };
    if let Some(target) = text("x-fal-target-url") {
        let target: Uri = target.parse().ok()?;
        let authority = target.host()?;
        // A proxied call's own host may be one of FAL's names, or ours with a prefix.
        let found = match by_host(authority) {
            Some((service, _)) => Some(at(service, target.path(), target.query(), prefixed)),
            None => by_prefix(&target, prefixed),
        };
        return found.map(|target| Target { proxied: true, ..target });
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (name, format!(":{port}")),
        _ => (host.as_str(), String::new()),
    };
    match by_host(name) {
        Some((service, local)) => {
            Some(at(service, uri.path(), uri.query(), Origin::Named { scheme: scheme.into(), port, local }))
        }
        None => by_prefix(uri, prefixed),
    }
}

fn by_host(name: &str) -> Option<(Service, bool)> {
    let name = name.to_ascii_lowercase();
    let (service, ..) = SERVICES.iter().find(|(_, _, hosts)| hosts.contains(&name.as_str()))?;
    Some((*service, name.ends_with(".localhost")))
}

fn by_prefix(uri: &Uri, origin: Origin) -> Option<Target> {
    let path = uri.path().trim_start_matches('/');
    let (prefix, rest) = path.split_once('/').unwrap_or((path, ""));
    let service = match prefix {
        "sim" => Service::Control,
        _ => SERVICES.iter().find(|(_, name, _)| *name == prefix)?.0,
    };
    Some(at(service, rest, uri.query(), origin))
}

fn at(service: Service, path: &str, query: Option<&str>, origin: Origin) -> Target {
    Target {
        service,
        path: path.trim_matches('/').into(),
        query: query.unwrap_or_default().into(),
        origin,
        proxied: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str, headers: &[(&'static str, &str)]) -> Option<Target> {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap()));
        resolve(&uri.parse().unwrap(), &headers.collect(), ([127, 0, 0, 1], 80).into())
    }

    #[test]
    fn a_prefix_leads_to_its_service() {
        let found = target("/queue/a/b/?x=1", &[("host", "127.0.0.1:8080")]).unwrap();
        assert_eq!((found.service, found.path.as_str(), found.query.as_str()), (Service::Queue, "a/b", "x=1"));
        assert_eq!(found.origin.base(Service::Cdn), "http://127.0.0.1:8080/cdn");
        assert!(target("/elsewhere", &[("host", "127.0.0.1:8080")]).is_none());
    }

    #[test]
    fn a_host_name_leads_to_its_service() {
        let found = target("/a/b", &[("host", "queue.fal.run:8080"), ("x-forwarded-proto", "https")]).unwrap();
        assert_eq!(found.service, Service::Queue);
        assert_eq!(found.origin.base(Service::Rest), "https://rest.fal.ai:8080");
        let found = target("/a/b", &[("host", "run.localhost:8080")]).unwrap();
        assert_eq!(found.origin.base(Service::Queue), "http://queue.localhost:8080");
    }

    #[test]
    fn a_proxied_call_names_its_target() {
        let headers = [("host", "127.0.0.1:1"), ("x-fal-target-url", "https://queue.fal.run/a/b?logs=1")];
        let found = target("/proxy", &headers).unwrap();
        assert_eq!((found.service, found.path.as_str(), found.query.as_str()), (Service::Queue, "a/b", "logs=1"));
        assert_eq!(found.origin.base(Service::Queue), "http://127.0.0.1:1/queue");
    }
}
