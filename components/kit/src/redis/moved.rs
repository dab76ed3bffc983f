//! A Redis Cluster's answer that another node has the keys: which node, and how it is reached. The credentials and the
//! database are those of the configured address; the manifest has to allow the node.

/// The node that an error names, `host:port`; the host may be missing and is then the same. Redis writes
/// `MOVED 1180 10.0.0.2:6379`; the client that Spin uses repeats it as `Moved: 1180 10.0.0.2:6379`, perhaps in quotes.
pub(super) fn node(why: &str) -> Option<&str> {
    let mut words = why.split_whitespace();
    words.find(|word| matches!(word.trim_matches(['"', ':']), "MOVED" | "Moved"))?;
    words.next().filter(|slot| slot.parse::<u16>().is_ok())?;
    words.next().filter(|node| node.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()))
}

/// The configured address with the node's host and port in it.
pub(super) fn address(configured: &str, node: &str) -> Option<String> {
    let (scheme, rest) = configured.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, database) = rest.split_at_checked(end)?;
    let (credentials, here) = place.rsplit_once('@').map_or(("", place), |(credentials, here)| (credentials, here));
    let (host, port) = node.rsplit_once(':')?;
    let host = match host {
        "" => host_of(here),
        bare if bare.contains(':') && !bare.starts_with('[') => &format!("[{bare}]"),
        host => host,
    };
    let at = if credentials.is_empty() { "" } else { "@" };
    Some(format!("{scheme}://{credentials}{at}{host}:{port}{database}"))
}

/// Without the port; an IPv6 address keeps its brackets.
fn host_of(place: &str) -> &str {
    match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_found_in_either_wording() {
        for why in [
            "MOVED 1180 10.0.0.2:6379",
            "An error was signalled by the server - Moved: 1180 10.0.0.2:6379",
            "\"MOVED\": 1180 10.0.0.2:6379",
        ] {
            assert_eq!(node(why), Some("10.0.0.2:6379"), "{why}");
        }
        assert_eq!(node("MOVED 1180 :6380"), Some(":6380"));
        for why in ["ASK 1180 10.0.0.2:6379", "MOVED", "MOVED x 10.0.0.2:6379", "MOVED 1 nowhere", "it was moved 1 a:1"]
        {
            assert_eq!(node(why), None, "{why}");
        }
    }

    #[test]
    fn the_address_keeps_everything_but_the_place() {
        for (configured, node, expected) in [
            ("redis://a:6379", "b:6380", "redis://b:6380"),
            ("redis://user:p%40ss@a:6379/0", "10.0.0.2:7000", "redis://user:p%40ss@10.0.0.2:7000/0"),
            ("rediss://:pw@a", ":6380", "rediss://:pw@a:6380"),
            ("redis://[::1]:6379/0", ":6380", "redis://[::1]:6380/0"),
            ("redis://a", "::2:6380", "redis://[::2]:6380"),
        ] {
            assert_eq!(address(configured, node).as_deref(), Some(expected));
        }
        assert_eq!(address("a:6379", "b:6380"), None);
    }
}
