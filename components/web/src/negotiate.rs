//! What the client takes: codings of a file, and whether it is a browser that wants a page.

/// A content coding that a build may have made beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// The better first.
    pub(crate) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in HTTP.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The end of its file's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// The best of the codings at hand that `Accept-Encoding` names and does not refuse (`q=0`).
pub(crate) fn coding(accept: Option<&str>, mut at_hand: impl Iterator<Item = Coding>) -> Option<Coding> {
    let accept = accept?;
    at_hand.find(|coding| accept.split(',').any(|range| takes(range, coding.token())))
}

fn takes(range: &str, token: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(token));
    let refused = |p: &str| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
    named && !parts.any(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_best_that_is_not_refused() {
        let of = |accept| coding(Some(accept), Coding::ALL.into_iter());
        assert_eq!(of("gzip, deflate, br"), Some(Coding::Brotli));
        assert_eq!(of("GZIP;q=0.5, br;q=0"), Some(Coding::Gzip));
        assert_eq!(of("identity"), None);
        assert_eq!(coding(None, Coding::ALL.into_iter()), None);
        assert_eq!(coding(Some("br"), [Coding::Gzip].into_iter()), None);
    }
}
