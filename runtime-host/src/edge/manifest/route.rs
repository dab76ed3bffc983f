//! Route patterns as Spin writes them: `/exact`, `/with/:param`, `/prefix/...`, and `/prefix/*`, which is the same.
//! Where several match, the more literal one wins, compared segment by segment: text, then `:param`, then `...`.

use std::cmp::Ordering;

/// One segment between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Param(String),
}

/// A parsed route.
#[derive(Debug, Clone)]
pub struct RoutePattern {
    raw: String,
    segments: Vec<Segment>,
    wildcard: bool,
}

/// What a path gave to the pattern that took it.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteMatch<'a> {
    /// The values of the `:param`s, by name in order.
    pub params: Vec<(&'a str, &'a str)>,
    /// What `...` stood for: empty, or starting with a slash.
    pub rest: &'a str,
}

impl RoutePattern {
    /// Parses `/a/:b/...`; the error is a sentence without the route's name.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let Some(path) = raw.strip_prefix('/') else { return Err("must start with a slash".into()) };
        // Components are told the route in a header.
        if !raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err("has characters no header can carry: write them as %XX".into());
        }
        let is_whole = |before: &&str| before.is_empty() || before.ends_with('/');
        let (path, wildcard) = match path.strip_suffix("...") {
            Some(path) => (Some(path).filter(is_whole).ok_or("`...` must be a segment of its own")?, true),
            None => path.strip_suffix('*').filter(is_whole).map_or((path, false), |path| (path, true)),
        };
        let mut segments = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            segments.push(match part.strip_prefix(':') {
                Some("") => return Err("a `:` must be followed by a name".into()),
                Some(name) if !is_header_word(name) => {
                    return Err(format!("the name :{name} may only have letters, digits, `-` and `_`"));
                }
                Some(name) if segments.iter().any(|known| is_param(known, name)) => {
                    return Err(format!("has two parameters that components are told as `{}`", told_as(name)));
                }
                Some(name) => Segment::Param(name.to_owned()),
                None if part.contains("...") => return Err("`...` can only stand at the end".into()),
                None if part.starts_with('*') => return Err("a `*` can only stand alone and at the end".into()),
                // On Spin it is no text.
                None if part.split('.').skip(1).any(|after| after.starts_with([':', '*'])) => {
                    return Err("a `:` or `*` can only stand after a slash, not after a dot".into());
                }
                None => Segment::Text(part.to_owned()),
            });
        }
        Ok(Self { raw: raw.to_owned(), segments, wildcard })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// As it was written, without `/...` (Spin's `spin-component-route`).
    pub fn prefix(&self) -> &str {
        self.raw.strip_suffix("/...").unwrap_or(&self.raw)
    }

    /// Whether both take exactly the same paths.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.wildcard == other.wildcard
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Text(a), Segment::Text(b)) => a == b,
                (Segment::Param(_), Segment::Param(_)) => true,
                _ => false,
            })
    }

    /// Orders patterns so that the first that matches is the one to take.
    pub fn by_precedence(&self, other: &Self) -> Ordering {
        for (a, b) in self.segments.iter().zip(&other.segments) {
            match (a, b) {
                (Segment::Text(_), Segment::Param(_)) => return Ordering::Less,
                (Segment::Param(_), Segment::Text(_)) => return Ordering::Greater,
                _ => {}
            }
        }
        (other.segments.len().cmp(&self.segments.len())).then(self.wildcard.cmp(&other.wildcard))
    }

    /// Whether the pattern takes `path`, and with what values. More slashes in front of a path, or any at its end, change
    /// nothing, as on Spin: nobody gets around a route by them.
    pub fn matches<'a>(&'a self, path: &'a str) -> Option<RouteMatch<'a>> {
        let mut rest = Some(path.trim_matches('/')).filter(|inner| !inner.is_empty());
        let mut params = Vec::new();
        for segment in &self.segments {
            let (part, after) = rest?.split_once('/').map_or((rest?, None), |(part, after)| (part, Some(after)));
            match segment {
                Segment::Text(text) if text == part => {}
                Segment::Param(name) => params.push((name.as_str(), part)),
                _ => return None,
            }
            rest = after;
        }
        match rest {
            Some(_) if !self.wildcard => None,
            rest => Some(RouteMatch { params, rest: if self.wildcard { with_slashes(path, rest) } else { "" } }),
        }
    }
}

/// What is left of a path, with the slash in front of it and one behind it where the path ends with some.
fn with_slashes<'a>(path: &'a str, rest: Option<&str>) -> &'a str {
    let (end, before) = (path.trim_end_matches('/').len(), rest.map_or(0, |rest| rest.len() + 1));
    path.get(end.saturating_sub(before)..path.len().min(end + 1)).unwrap_or_default()
}

/// How a parameter is named in the header that tells its value, `spin-path-match-<name>`: as on Spin.
pub(crate) fn told_as(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn is_param(segment: &Segment, name: &str) -> bool {
    matches!(segment, Segment::Param(known) if told_as(known) == told_as(name))
}

/// Parameter names become part of a header name.
fn is_header_word(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'a>(routes: &'a [&'a str], path: &str) -> Option<String> {
        let mut patterns: Vec<_> = routes.iter().map(|r| RoutePattern::parse(r).unwrap()).collect();
        patterns.sort_by(RoutePattern::by_precedence);
        patterns.iter().find(|p| p.matches(path).is_some()).map(|p| p.as_str().to_owned())
    }

    #[test]
    fn takes_exact_param_and_wildcard_paths() {
        let p = RoutePattern::parse("/users/:id/...").unwrap();
        let m = p.matches("/users/42/orders/7").unwrap();
        assert_eq!((m.params.as_slice(), m.rest), ([("id", "42")].as_slice(), "/orders/7"));
        assert_eq!(p.matches("/users/42").unwrap().rest, "");
        assert_eq!(p.matches("/users//x").unwrap().params, [("id", "")], "as on Spin");
        assert!(p.matches("/users/").is_none());
        assert_eq!(p.matches("/user/42"), None);
        let exact = RoutePattern::parse("/a/b").unwrap();
        assert!(exact.matches("/a/b").is_some() && exact.matches("/a/b/").is_some());
        assert!(exact.matches("/a/b/c").is_none() && exact.matches("/a").is_none());
        assert_eq!(RoutePattern::parse("/...").unwrap().matches("/").unwrap().rest, "/");
        assert!(RoutePattern::parse("/foo/...").unwrap().matches("/foobar").is_none());
        let star = RoutePattern::parse("/star/*").unwrap();
        assert_eq!((star.matches("/star/a/b").unwrap().rest, star.prefix()), ("/a/b", "/star/*"));
        assert!(star.is_same_as(&RoutePattern::parse("/star/...").unwrap()) && star.matches("/star").is_some());
        assert!(RoutePattern::parse("/a*").unwrap().matches("/a*").is_some());
    }

    #[test]
    fn slashes_before_and_behind_lead_past_no_route() {
        let exact = RoutePattern::parse("/admin").unwrap();
        for path in ["/admin", "//admin", "///admin", "/admin/", "//admin//"] {
            assert!(exact.matches(path).is_some(), "{path}");
        }
        assert!(exact.matches("/a//admin").is_none() && RoutePattern::parse("/").unwrap().matches("//").is_some());
        let all = RoutePattern::parse("/a//:b/...").unwrap();
        for (path, rest) in [("//a/1", ""), ("//a/1//", "/"), ("/a/1/c", "/c"), ("//a/1//c//", "//c/")] {
            let found = all.matches(path).unwrap();
            assert_eq!((found.params.as_slice(), found.rest), ([("b", "1")].as_slice(), rest), "{path}");
        }
        let any = RoutePattern::parse("/*").unwrap();
        for (path, rest) in [("/", "/"), ("//", "/"), ("//a", "/a"), ("", ""), ("*", "*")] {
            assert_eq!(any.matches(path).unwrap().rest, rest, "{path}");
        }
    }

    #[test]
    fn prefers_the_more_literal_route() {
        let routes = ["/...", "/api/...", "/api/:id", "/api/health", "/api/:id/..."];
        assert_eq!(best(&routes, "/api/health").unwrap(), "/api/health");
        assert_eq!(best(&routes, "/api/7").unwrap(), "/api/:id");
        assert_eq!(best(&routes, "/api/7/x").unwrap(), "/api/:id/...");
        assert_eq!(best(&routes, "/api").unwrap(), "/api/...");
        assert_eq!(best(&routes, "/other").unwrap(), "/...");
        assert_eq!(best(&["/a"], "/b"), None);
    }

    #[test]
    fn refuses_malformed_routes() {
        for bad in [
            "/:id/:id",
            "/:user_id/b/:User-Id/...",
            "a",
            "/a...",
            "/a/.../b",
            "/:",
            "/a/:b c",
            "/a/*/b",
            "/*a",
            "/file.:ext",
            "/a.*",
        ] {
            assert!(RoutePattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn knows_routes_that_cannot_be_told_apart() {
        let parse = |r| RoutePattern::parse(r).unwrap();
        assert!(parse("/a/:x").is_same_as(&parse("/a/:y")));
        assert!(!parse("/a/...").is_same_as(&parse("/a")));
    }
}
