//! The client's address, and whether it came over TLS: the socket's, or what trusted proxies report.
//!
//! `X-Forwarded-For` is read from the right, because each proxy appends the peer it saw: the first address that is not one
//! of ours is the client's. What stands further left anybody can write.

use std::net::{IpAddr, SocketAddr};

/// Networks whose word on addresses and protocols is taken (`TRUSTED_PROXIES`).
#[derive(Debug, Default)]
pub struct Proxies(Vec<Network>);

/// A block of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Network {
    base: u128,
    bits: u32,
}

/// Both families in one: IPv4 as its mapped IPv6 address.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn prefix(number: u128, bits: u32) -> u128 {
    number & u128::MAX.checked_shl(128 - bits).unwrap_or_default()
}

impl Network {
    /// `10.0.0.0/8`, `::1`, `fd00::/8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.trim().parse().ok()?;
        let (length, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = bits.map_or(Some(length), |b| b.trim().parse().ok()).filter(|b| *b <= length)? + offset;
        Some(Self { base: prefix(number(address), bits), bits })
    }

    /// Whether this address is in it.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        prefix(number(address), self.bits) == self.base
    }
}

impl Proxies {
    /// Reads CIDRs; one that cannot be read trusts nobody.
    #[must_use]
    pub fn parse(cidrs: &[String]) -> Self {
        Self(cidrs.iter().filter_map(|cidr| Network::parse(cidr)).collect())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// The address to count against, or `unknown` when the socket's cannot be read.
    #[must_use]
    pub fn client(&self, peer: &str, forwarded_for: Option<&str>) -> String {
        let Some(mut client) = read(peer) else { return "unknown".to_owned() };
        for hop in forwarded_for.unwrap_or_default().rsplit(',') {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = read(hop) else { break };
            client = address;
        }
        client.to_canonical().to_string()
    }

    /// Whether a request came over TLS: to whoever received it first, as a trusted proxy says it, else to us. `protocols` are
    /// those of `X-Forwarded-Proto`, and after them the one of the connection itself.
    #[must_use]
    pub fn is_tls(&self, peer: &str, protocols: Option<&str>) -> bool {
        let trusted = read(peer).is_some_and(|peer| self.trusts(peer));
        let mut protocols = protocols.unwrap_or_default().split(',');
        let believed = if trusted { protocols.next() } else { protocols.next_back() };
        believed.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("https"))
    }
}

/// An address with or without a port: `10.0.0.1:80`, `[::1]:80`, `::1`.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text.parse::<SocketAddr>().map(|a| a.ip()).or_else(|_| bare.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(cidrs: &[&str]) -> Proxies {
        Proxies::parse(&cidrs.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn believes_nobody_by_default() {
        assert_eq!(proxies(&[]).client("9.9.9.9:1234", Some("1.1.1.1")), "9.9.9.9");
        assert_eq!(proxies(&["nonsense", "10.0.0.0/99"]).client("10.0.0.1:1", Some("1.1.1.1")), "10.0.0.1");
    }

    #[test]
    fn believes_trusted_proxies_from_the_right() {
        let ours = proxies(&["10.0.0.0/8", "::1", "fd00::/8"]);
        assert_eq!(ours.client("10.1.2.3:80", Some("6.6.6.6, 1.1.1.1, 10.9.9.9")), "1.1.1.1");
        assert_eq!(ours.client("[::1]:80", Some("2001:db8::7")), "2001:db8::7");
        assert_eq!(ours.client("[::ffff:10.0.0.1]:80", Some("1.1.1.1:443")), "1.1.1.1");
        assert_eq!(ours.client("11.0.0.1:80", Some("1.1.1.1")), "11.0.0.1");
        assert_eq!(ours.client("10.0.0.1:80", Some("nonsense")), "10.0.0.1");
        assert_eq!(ours.client("10.0.0.1:80", None), "10.0.0.1");
        assert_eq!(ours.client("", Some("1.1.1.1")), "unknown");
    }

    #[test]
    fn everything_may_be_trusted() {
        assert_eq!(proxies(&["::/0"]).client("9.9.9.9:1", Some("1.1.1.1")), "1.1.1.1");
        assert_eq!(proxies(&["0.0.0.0/0"]).client("9.9.9.9:1", Some("1.1.1.1")), "1.1.1.1");
    }

    #[test]
    fn the_first_protocol_counts_where_a_trusted_proxy_says_it_and_the_connections_own_otherwise() {
        let ours = proxies(&["10.0.0.0/8"]);
        let of_proxy = |protocols| ours.is_tls("10.1.2.3:80", protocols);
        assert!(of_proxy(Some("https, http")) && of_proxy(Some(" HTTPS, http, http")) && of_proxy(Some("https")));
        assert!(!of_proxy(Some("http, https")) && !of_proxy(Some("")) && !of_proxy(None));
        let of_anybody = |protocols| ours.is_tls("9.9.9.9:80", protocols);
        assert!(of_anybody(Some("https")) && of_anybody(Some("http, https")));
        assert!(!of_anybody(Some("https, http")) && !of_anybody(None) && !ours.is_tls("", Some("https, http")));
    }
}
