//! `allowed_outbound_hosts`: where a component may connect to.
//! Spin's grammar: `scheme://host[:port]`, each of them `*`; hosts `*.domain` or a CIDR block; ports `8000..8080` (end
//! excluded). A port that is not written is the scheme's own.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use image2model_domain::client_address::Network;

use crate::edge::serve::target_of;

/// A component's list. The empty list allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AllowedHosts(Vec<Rule>);

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<&str> = self.0.iter().map(|rule| rule.written.as_str()).collect();
        f.write_str(&entries.join(", "))
    }
}

/// See [`AllowedHosts::reach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Wherever the name leads.
    Anywhere,
    /// To public addresses only.
    Public,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Rule {
    /// As the manifest has it.
    written: String,
    scheme: Option<String>,
    host: Host,
    port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Any,
    Exact(String),
    /// Kept with its leading dot.
    Subdomains(String),
    Block(Network),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Port {
    Any,
    One(u16),
    Range(Range<u16>),
}

impl AllowedHosts {
    /// Adds an entry. `written` is how it stands in the manifest, by which the error names it: a variable in it may be
    /// secret.
    pub fn add(&mut self, entry: &str, written: &str) -> Result<(), String> {
        let rule = Rule::parse(entry.trim(), written).map_err(|why| format!("{written:?}: {why}"))?;
        self.0.push(rule);
        Ok(())
    }

    /// Whether a connection to `host` may be made; without a port, the scheme's own is meant.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.reach(scheme, host, port).is_some()
    }

    /// How far a connection to `host` may lead: nowhere, where it is not allowed; anywhere, where the host or its range is
    /// named; into the public Internet only, where a wildcard lets it through. What a name means is only known when it is
    /// resolved, and a name that matches a wildcard may be anybody's.
    pub fn reach(&self, scheme: &str, host: &str, port: Option<u16>) -> Option<Reach> {
        let host = as_written(host.trim_start_matches('[').trim_end_matches(']'));
        let port = port.or_else(|| default_port(scheme))?;
        // Nobody means the application's own components by "anything": they are named, or `*.spin.internal` is.
        let inside = target_of(&host).is_some();
        let lets_through = |rule: &&Rule| {
            rule.scheme.as_deref().is_none_or(|s| s == scheme)
                && rule.host.allows(&host)
                && rule.port.allows(port)
                && !(inside && matches!(rule.host, Host::Any))
        };
        let mut rules = self.0.iter().filter(lets_through).peekable();
        rules.peek()?;
        Some(if rules.any(|rule| rule.host.is_named()) { Reach::Anywhere } else { Reach::Public })
    }

    /// What it says of these schemes and nothing else: equal for all who may reach the same by them.
    pub fn of_schemes(&self, schemes: &[&str]) -> Self {
        let means = |rule: &&Rule| rule.scheme.as_deref().is_none_or(|scheme| schemes.contains(&scheme));
        Self(self.0.iter().filter(means).cloned().collect())
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Rule {
    fn parse(entry: &str, written: &str) -> Result<Self, &'static str> {
        let Some((scheme, rest)) = entry.split_once("://") else {
            return Err("it has no scheme: write scheme://host[:port], `*` for any of them");
        };
        if scheme != "*" && (scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphabetic())) {
            return Err("a scheme is letters only, or `*`");
        }
        let (host, port) = split_port(rest);
        let port = match port.split_once('/') {
            Some((port, "")) => port,
            Some(_) => return Err("it must not have a path"),
            None => port,
        };
        if host.ends_with(".spin.internal") && !["http", "https", "*"].contains(&scheme) {
            return Err("components are called by `http://` or `https://`");
        }
        Ok(Self {
            written: written.to_owned(),
            scheme: (scheme != "*").then(|| scheme.to_ascii_lowercase()),
            host: Host::parse(host)?,
            port: Port::parse(port, scheme)?,
        })
    }
}

/// A host as it is compared: one address can be written in several ways.
fn as_written(host: &str) -> String {
    host.parse().map_or_else(|_| host.to_ascii_lowercase(), |address: IpAddr| address.to_string())
}

/// Splits at the last colon that is not inside the brackets of an IPv6 address.
fn split_port(rest: &str) -> (&str, &str) {
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (rest, ""),
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self, &'static str> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host == "*" {
            return Ok(Self::Any);
        }
        if host == "self" {
            return Err("`self` is not supported here: name the component, `http://<id>.spin.internal`");
        }
        if host.contains('/')
            && let Some(block) = Network::parse(host)
        {
            return Ok(Self::Block(block));
        }
        let host = host.trim_end_matches('/');
        if host.is_empty() {
            return Err("the host is missing");
        }
        if host.contains('/') {
            return Err("it must not have a path");
        }
        match host.strip_prefix('*') {
            Some(domain) if domain.starts_with('.') && !domain.contains('*') => {
                Ok(Self::Subdomains(domain.to_ascii_lowercase()))
            }
            _ if host.contains('*') => Err("`*` stands for a whole host or for the first labels of one"),
            _ => Ok(Self::Exact(as_written(host))),
        }
    }

    /// Whether somebody wrote down this very place.
    fn is_named(&self) -> bool {
        matches!(self, Self::Exact(_) | Self::Block(_))
    }

    fn allows(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == host,
            Self::Subdomains(suffix) => host.ends_with(suffix.as_str()),
            Self::Block(block) => host.parse().is_ok_and(|address: IpAddr| block.has(address)),
        }
    }
}

impl Port {
    fn parse(port: &str, scheme: &str) -> Result<Self, &'static str> {
        if port == "*" {
            return Ok(Self::Any);
        }
        if port.is_empty() {
            return default_port(scheme).map(Self::One).ok_or("it has no port, and its scheme has none of its own");
        }
        let number = |text: &str| text.parse::<u16>().map_err(|_| "what stands for the port is none");
        match port.split_once("..") {
            Some((start, end)) => Ok(Self::Range(number(start)?..number(end)?)),
            None => Ok(Self::One(number(port)?)),
        }
    }

    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == port,
            Self::Range(range) => range.contains(&port),
        }
    }
}

/// The ports Spin knows by scheme.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "redis" | "rediss" => Some(6379),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "mqtt" => Some(1883),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowedHosts {
        let mut hosts = AllowedHosts::default();
        entries.iter().for_each(|entry| hosts.add(entry, entry).unwrap());
        hosts
    }

    #[test]
    fn allows_what_is_written_and_nothing_else() {
        let hosts = list(&["http://127.0.0.1:3001", "redis://cache.example"]);
        assert!(hosts.allows("http", "127.0.0.1", Some(3001)));
        assert!(!hosts.allows("http", "127.0.0.1", None));
        assert!(!hosts.allows("https", "127.0.0.1", Some(3001)));
        assert!(hosts.allows("redis", "CACHE.example", None));
        assert!(!hosts.allows("redis", "cache.example.evil.test", None));
        assert!(!list(&[]).allows("http", "localhost", Some(80)));
    }

    #[test]
    fn understands_wildcards_ranges_and_blocks() {
        assert!(list(&["*://*:*"]).allows("http", "anything", Some(1)));
        assert!(list(&["https://*.fal.media"]).allows("https", "v3.fal.media", Some(443)));
        assert!(!list(&["https://*.fal.media"]).allows("https", "fal.media", Some(443)));
        assert!(!list(&["https://*.fal.media"]).allows("https", "evilfal.media", Some(443)));
        let range = list(&["http://h:8000..8080"]);
        assert!(range.allows("http", "h", Some(8000)) && !range.allows("http", "h", Some(8080)));
        let block = list(&["http://10.1.0.0/16:80"]);
        assert!(block.allows("http", "10.1.200.3", None) && !block.allows("http", "10.2.0.1", None));
        assert!(list(&["http://0.0.0.0/0:80"]).allows("http", "8.8.8.8", None));
        let chained = list(&["http://web.spin.internal"]);
        assert!(chained.allows("http", "web.spin.internal", None) && !chained.allows("http", "b.spin.internal", None));
        assert!(!list(&["*://*:*"]).allows("http", "web.spin.internal", None));
        assert!(list(&["http://*.spin.internal"]).allows("http", "b.spin.internal", None));
        assert!(list(&["http://[::1]:80"]).allows("http", "[::1]", None));
        assert!(list(&["http://[2001:DB8:0::1]:80"]).allows("http", "[2001:db8::0:1]", None));
        assert!(list(&["http://fd00::/8:80"]).allows("http", "[fd12::1]", None));
    }

    #[test]
    fn wildcards_reach_the_public_internet_only() {
        let hosts = list(&["http://*:80", "http://10.0.0.0/8:80", "http://blobs.internal"]);
        assert_eq!(hosts.reach("http", "anything.example", None), Some(Reach::Public));
        assert_eq!(hosts.reach("http", "127.0.0.1", None), Some(Reach::Public));
        assert_eq!(hosts.reach("http", "10.1.2.3", None), Some(Reach::Anywhere));
        assert_eq!(hosts.reach("http", "blobs.internal", None), Some(Reach::Anywhere));
        assert_eq!(hosts.reach("http", "anything.example", Some(81)), None);
    }

    #[test]
    fn an_error_shows_the_entry_as_it_is_written() {
        for secret in ["s3cret", "s3cret://a", "http://a/s3cret", "http://a:s3cret", "http://a.*.s3cret"] {
            let error = AllowedHosts::default().add(secret, "{{ place }}").unwrap_err();
            assert!(error.starts_with("\"{{ place }}\": ") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn what_is_said_of_some_schemes_is_equal_for_those_who_may_reach_the_same_by_them() {
        let of = |entries: &[&str]| list(entries).of_schemes(&["redis", "rediss"]);
        assert_eq!(of(&["redis://a", "http://b", "*://c:1"]), of(&["https://d", "redis://a", "*://c:1"]));
        assert_ne!(of(&["redis://a"]), of(&["redis://a:1"]));
        assert!(of(&["http://b"]).is_empty());
    }

    #[test]
    fn refuses_malformed_entries() {
        for bad in [
            "",
            "*",
            "example.com",
            "http://",
            "http://a/path",
            "foo://a",
            "http://a.*.b",
            "http://a:x",
            "http://self",
            "1://a:1",
            "http://10.0.0.0/33:80",
        ] {
            assert!(AllowedHosts::default().add(bad, bad).is_err(), "{bad}");
        }
    }
}
