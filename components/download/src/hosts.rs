//! Where a redirect may lead: only to hosts that the operator named, so that a recorded URL can never send a client
//! anywhere else.

/// Whether the URL is http(s) and its host is on the list. Entries are host names (`fal.media`), any subdomain of one
/// (`*.fal.media`), or a host with a port (`127.0.0.1:4000`); without a port any port goes. Plain http is for entries
/// that name a port, which are somebody's own.
#[must_use]
pub fn is_allowed(url: &str, allowed: &[String]) -> bool {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // What could be read in two ways goes nowhere.
    if authority.is_empty() || authority.contains('@') || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let authority = authority.to_ascii_lowercase();
    let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
    allowed.iter().map(|entry| entry.to_ascii_lowercase()).any(|entry| {
        let names_port = entry.contains(':');
        let given = if names_port { authority.as_str() } else { host };
        (secure || names_port) && matches(given, &entry)
    })
}

fn matches(given: &str, entry: &str) -> bool {
    match entry.strip_prefix("*.") {
        Some(parent) => given.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => given == entry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_led_to() {
        let allowed = ["*.fal.media", "fal.media", "storage.googleapis.com", "127.0.0.1:4000"].map(str::to_owned);
        let ok = |url: &str| is_allowed(url, &allowed);
        assert!(ok("https://v3.fal.media/files/a/b.glb?x=1"));
        assert!(ok("https://FAL.media/x") && ok("https://fal.media:443/x"));
        assert!(ok("http://127.0.0.1:4000/files/x.glb"));
        for url in [
            "http://v3.fal.media/x",
            "https://evilfal.media/x",
            "https://.fal.media/x",
            "https://fal.media.evil.example/x",
            "https://fal.media@evil.example/x",
            "https://evil.example\\@fal.media/x",
            "https://evil.example/https://fal.media/",
            "http://127.0.0.1:4001/x",
            "ftp://fal.media/x",
            "//fal.media/x",
            "javascript:alert(1)",
            "https://fal.media/\r\nset-cookie: a=b",
            "",
        ] {
            assert!(!ok(url), "{url}");
        }
    }
}
