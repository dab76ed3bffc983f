//! Which hosts files may be fetched from and images put to. A result's URLs come from outside, so they are checked, and
//! so is every redirect.

use url::{Origin, Url};

/// The allow-list: the configured bases as they are, and patterns that need HTTPS.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    origins: Vec<Origin>,
    patterns: Vec<String>,
}

impl AllowedHosts {
    /// Allows the origins of `bases` and hosts that match `patterns` (`fal.media`, `*.fal.media`).
    pub fn new(bases: &[Url], patterns: &[String]) -> Self {
        let origins = bases.iter().map(Url::origin).collect();
        Self { origins, patterns: patterns.iter().map(|p| p.to_ascii_lowercase()).collect() }
    }

    /// Whether this URL may be used.
    pub fn allows(&self, url: &Url) -> bool {
        if self.origins.contains(&url.origin()) {
            return true;
        }
        let Some(host) = url.domain().filter(|_| url.scheme() == "https" && url.port().is_none()) else { return false };
        self.patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => host == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_hosts_pass() {
        let base = Url::parse("http://127.0.0.1:8080/queue").unwrap();
        let hosts = AllowedHosts::new(&[base], &["fal.media".to_owned(), "*.fal.media".to_owned()]);
        for good in ["https://fal.media/a", "https://v3b.fal.media/files/b/x.glb", "http://127.0.0.1:8080/cdn/files/x"]
        {
            assert!(hosts.allows(&Url::parse(good).unwrap()), "{good}");
        }
        for bad in [
            "http://v3b.fal.media/x",
            "https://v3b.fal.media:8443/x",
            "https://evilfal.media/x",
            "https://.fal.media/x",
            "https://fal.media.evil.com/x",
            "http://127.0.0.1:8081/x",
            "https://169.254.169.254/latest",
            "file:///etc/passwd",
        ] {
            assert!(!Url::parse(bad).is_ok_and(|url| hosts.allows(&url)), "{bad}");
        }
    }
}
