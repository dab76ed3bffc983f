//! Where a client wants to be called back. Read strictly: whatever two URL parsers might understand differently is refused.
//!
//! A name is only judged by its spelling here; the address behind it is judged when it is called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::is_public;

/// The longest URL, bytes.
pub const MAX_URL: usize = 2048;
/// Names that never mean a host of the Internet.
const LOCAL_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

/// A URL that may be called when a job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    text: String,
    host: String,
    port: u16,
    trusted: bool,
}

/// Why a URL is not called. The words are for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWebhookUrl {
    /// Too long.
    #[error("may have at most {MAX_URL} characters")]
    TooLong,
    /// Not a URL, or one that is written in an unusual way.
    #[error("must be a URL such as https://example.com/hooks/models")]
    Malformed,
    /// A name or password in it.
    #[error("must not contain a user name or password")]
    Credentials,
    /// Not encrypted.
    #[error("must begin with https://")]
    NotEncrypted,
    /// An address that is not of the public Internet.
    #[error("must not point to a private or local address")]
    NotPublic,
}

/// Hosts that an operator vouches for: they may be called without TLS and at private addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<(String, Option<u16>)>);

impl AllowedHosts {
    /// Reads `host`, `host:port`, `[::1]:port`; what is none of these is left out.
    #[must_use]
    pub fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        Self(entries.into_iter().filter_map(|entry| split_port(&entry.trim().to_ascii_lowercase())).collect())
    }

    fn allows(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|(name, only)| name == host && only.is_none_or(|only| only == port))
    }
}

impl WebhookUrl {
    /// Reads a client's URL.
    ///
    /// # Errors
    /// [`InvalidWebhookUrl`].
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, InvalidWebhookUrl> {
        use InvalidWebhookUrl::{Credentials, Malformed, NotEncrypted, NotPublic, TooLong};
        if text.len() > MAX_URL {
            return Err(TooLong);
        }
        let plain = |b: u8| b.is_ascii_graphic() && !br#""<>\^`{|}#"#.contains(&b);
        if !text.bytes().all(plain) {
            return Err(Malformed);
        }
        let (scheme, rest) = text.split_once("://").ok_or(Malformed)?;
        let encrypted = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(NotEncrypted),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(Credentials);
        }
        let (host, port) = split_port(&authority.to_ascii_lowercase()).ok_or(Malformed)?;
        let port = port.unwrap_or(if encrypted { 443 } else { 80 });
        let trusted = allowed.allows(&host, port);
        if !trusted && !encrypted {
            return Err(NotEncrypted);
        }
        if !trusted && !looks_public(&host) {
            return Err(NotPublic);
        }
        Ok(Self { text: text.to_owned(), host, port, trusted })
    }

    /// As the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, in lower case, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, written or implied.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether an operator vouches for the host, so that its addresses are not judged.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }
}

/// Whether a host is a public address, or a name that may have one.
fn looks_public(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => is_public(address),
        Err(_) => host.contains('.') && !LOCAL_NAMES.iter().any(|name| is_within(host, name)),
    }
}

fn is_within(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Takes a host and its port apart; `None` when it is no host.
fn split_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            (is_host(host).then_some(host)?, port)
        }
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok().filter(|p| *p != 0)?),
        Some(_) => return None,
    };
    Some((host.to_owned(), port))
}

/// A DNS name, or an IPv4 address in its usual form. A name that ends in a number would be read as an address by some.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use InvalidWebhookUrl::{Credentials, Malformed, NotEncrypted, NotPublic, TooLong};

    fn parse(text: &str) -> Result<WebhookUrl, InvalidWebhookUrl> {
        WebhookUrl::parse(text, &AllowedHosts::new(["127.0.0.1", "hooks.lan:8080", "[::1]:9"]))
    }

    #[test]
    fn takes_urls_of_the_internet() {
        let url = parse("https://Example.com:8443/hooks?x=1").unwrap();
        assert_eq!((url.host(), url.port(), url.is_trusted()), ("example.com", 8443, false));
        assert_eq!(url.as_str(), "https://Example.com:8443/hooks?x=1");
        assert!(parse("HTTPS://1.1.1.1/").is_ok() && parse("https://[2606:4700::1111]/").is_ok());
    }

    #[test]
    fn takes_what_the_operator_vouches_for() {
        for text in ["http://127.0.0.1:5000/x", "https://127.0.0.1", "http://hooks.lan:8080/", "http://[::1]:9/"] {
            assert!(parse(text).unwrap().is_trusted(), "{text}");
        }
        assert_eq!(parse("http://hooks.lan/"), Err(NotEncrypted));
        assert_eq!(parse("https://[::1]/"), Err(NotPublic));
    }

    #[test]
    fn refuses_everything_else_and_says_why() {
        let cases = [
            ("http://example.com/", NotEncrypted),
            ("ftp://example.com/", NotEncrypted),
            ("https://u:p@example.com/", Credentials),
            ("https://example.com@127.0.0.2/", Credentials),
            ("https://10.0.0.1/", NotPublic),
            ("https://169.254.169.254/latest/meta-data", NotPublic),
            ("https://localhost/", NotPublic),
            ("https://x.localhost/", NotPublic),
            ("https://redis.internal/", NotPublic),
            ("https://intranet/", NotPublic),
            ("https://127.1/", Malformed),
            ("https://0x7f000001/", Malformed),
            ("https://2130706433/", Malformed),
            ("https://example.com:0/", Malformed),
            ("https://example.com:99999/", Malformed),
            ("https://example.com:+1/", Malformed),
            ("https://exa mple.com/", Malformed),
            ("https://example.com\\@evil/", Malformed),
            ("https://example.com/#fragment", Malformed),
            ("https:///x", Malformed),
            ("https://é.example/", Malformed),
            ("example.com/hook", Malformed),
            ("", Malformed),
        ];
        for (text, why) in cases {
            assert_eq!(parse(text), Err(why), "{text}");
        }
        assert_eq!(parse(&format!("https://example.com/{}", "a".repeat(2048))), Err(TooLong));
    }
}
