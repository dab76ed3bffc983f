//! Paths to components: the manifest's routes in order of precedence, each with what its requests have in common worked
//! out beforehand.

use std::sync::Arc;

use http::HeaderValue;

use crate::edge::EdgeError;
use crate::edge::capabilities::Grants;
use crate::edge::manifest::{RouteMatch, RoutePattern, StaticAnswer};
use crate::edge::swap::Slot;

/// One route with its component.
pub(crate) struct Target {
    pub pattern: RoutePattern,
    pub answer: Answer,
    /// `spin-raw-component-route`.
    pub raw: HeaderValue,
    /// `spin-matched-route`: the same without a slash at its end.
    pub matched: HeaderValue,
    /// `spin-component-route`.
    pub prefix: HeaderValue,
}

impl Target {
    pub fn new(pattern: RoutePattern, answer: Answer) -> Result<Self, EdgeError> {
        let header = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                EdgeError::invalid(format!("route {:?}", pattern.as_str()), "has characters no header can carry")
            })
        };
        let raw = pattern.as_str();
        let matched = header(raw.strip_suffix('/').unwrap_or(raw))?;
        let (raw, prefix) = (header(raw)?, header(pattern.prefix())?);
        Ok(Self { raw, matched, prefix, pattern, answer })
    }
}

/// Who answers.
pub(crate) enum Answer {
    /// A component: whichever release of it, and what it is granted.
    Component(Arc<Slot>, Arc<Grants>),
    /// The manifest itself.
    Static(StaticAnswer),
}

/// All routes, the first that matches is taken.
pub(crate) struct Router {
    targets: Vec<Target>,
}

impl Router {
    /// Orders the routes.
    pub fn new(routes: Vec<(RoutePattern, Answer)>) -> Result<Self, EdgeError> {
        let all = routes.into_iter().map(|(pattern, answer)| Target::new(pattern, answer));
        let mut targets = all.collect::<Result<Vec<_>, _>>()?;
        targets.sort_by(|a, b| a.pattern.by_precedence(&b.pattern));
        Ok(Self { targets })
    }

    /// The route that takes `path`.
    pub fn find<'a>(&'a self, path: &'a str) -> Option<(&'a Target, RouteMatch<'a>)> {
        self.targets.iter().find_map(|target| target.pattern.matches(path).map(|found| (target, found)))
    }
}
