//! Route patterns as Spin writes them: `/exact`, `/with/:param`, `/prefix/...`.
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
        let (path, wildcard) = match path.strip_suffix("...") {
            Some("") => ("", true),
            Some(path) => (path.strip_suffix('/').ok_or("`...` must be a segment of its own")?, true),
            None => (path.strip_suffix('/').unwrap_or(path), false),
        };
        let mut segments = Vec::new();
        for part in path.split('/').filter(|_| !path.is_empty()) {
            segments.push(match part.strip_prefix(':') {
                Some("") => return Err("a `:` must be followed by a name".into()),
                Some(name) if !is_header_word(name) => {
                    return Err(format!("the name :{name} may only have letters, digits, `-` and `_`"));
                }
                Some(name) => Segment::Param(name.to_owned()),
                None if part.contains("...") => return Err("`...` can only stand at the end".into()),
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

    /// Whether the pattern takes `path`, and with what values. A slash at the end of a path changes nothing.
    pub fn matches<'a>(&'a self, path: &'a str) -> Option<RouteMatch<'a>> {
        let mut rest = path;
        let mut params = Vec::new();
        for segment in &self.segments {
            let part = rest.strip_prefix('/')?;
            let (part, after) = part.split_at(part.find('/').unwrap_or(part.len()));
            match segment {
                Segment::Text(text) if text == part => {}
                Segment::Param(name) if !part.is_empty() => params.push((name.as_str(), part)),
                _ => return None,
            }
            rest = after;
        }
        if self.wildcard {
            return Some(RouteMatch { params, rest });
        }
        matches!(rest, "" | "/").then_some(RouteMatch { params, rest: "" })
    }
}

/// Parameter names become part of a header name, `spin-path-match-<name>`.
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
        assert_eq!(p.matches("/users//x"), None);
        assert_eq!(p.matches("/user/42"), None);
        let exact = RoutePattern::parse("/a/b").unwrap();
        assert!(exact.matches("/a/b").is_some() && exact.matches("/a/b/").is_some());
        assert!(exact.matches("/a/b/c").is_none() && exact.matches("/a").is_none());
        assert_eq!(RoutePattern::parse("/...").unwrap().matches("/").unwrap().rest, "/");
        assert!(RoutePattern::parse("/foo/...").unwrap().matches("/foobar").is_none());
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
        for bad in ["a", "/a...", "/a/.../b", "/:", "/a/:b c"] {
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
