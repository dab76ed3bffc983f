//! The table of an endpoint: method, pattern, what the guard is asked for, and the handler.

use futures::future::LocalBoxFuture;

use crate::bindings::{Budget, Level};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::decode;
use crate::reply::Reply;

/// A method that every other is one of.
const ANY: &str = "ANY";

/// What answers a route.
pub type Handler = fn(Context) -> LocalBoxFuture<'static, Result<Reply, Failure>>;

/// One route. Make tables with [`routes!`](crate::routes).
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` answers `HEAD` as well; [`ANY`] takes every method, `OPTIONS` too.
    pub method: &'static str,
    /// `/api/v1/status/:job_id`; a last segment `*name` takes all that follows. `:job_id`, `:batch_id`, `:task_id` and
    /// `:file_id` have meaning: they name the job that the guard is asked about.
    pub pattern: &'static str,
    /// What it asks of its caller.
    pub level: Level,
    /// What it is counted against.
    pub budget: Budget,
    /// What answers it.
    pub handler: Handler,
}

/// Makes a table of routes: one line each, with level and budget by their names in `wit/guard`.
///
/// ```text
/// static ROUTES: &[Route] = routes! {
///     GET "/api/v1/status/:job_id" Owner Standard => job_status,
/// };
/// ```
#[macro_export]
macro_rules! routes {
    ($($method:ident $pattern:literal $level:ident $budget:ident => $handler:path),+ $(,)?) => {
        &[$($crate::Route {
            method: stringify!($method),
            pattern: $pattern,
            level: $crate::Level::$level,
            budget: $crate::Budget::$budget,
            handler: |context| ::std::boxed::Box::pin($handler(context)),
        }),+]
    };
}

/// Values of a pattern's names, percent-decoded.
pub type Params = Vec<(&'static str, String)>;

/// What a table says of a request.
#[derive(Debug)]
pub(crate) enum Found {
    Route(&'static Route, Params),
    /// The path is known, under these methods.
    OtherMethods(String),
    Nothing,
}

/// Looks a request up. A trailing slash makes no difference; literal segments win by standing earlier in the table.
pub(crate) fn find(table: &'static [Route], method: &str, path: &str) -> Found {
    let path = trimmed(path);
    let method = if method == "HEAD" { "GET" } else { method };
    let mut known: Vec<&str> = Vec::new();
    for route in table {
        let Some(params) = matched(route.pattern, path) else { continue };
        if route.method == method || route.method == ANY {
            return Found::Route(route, params);
        }
        known.push(route.method);
    }
    if known.is_empty() { Found::Nothing } else { Found::OtherMethods(allow(&known)) }
}

fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

fn allow(methods: &[&str]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for method in methods {
        let with = if *method == "GET" { &["GET", "HEAD"][..] } else { std::slice::from_ref(method) };
        all.extend(with.iter().filter(|m| !methods_has(&all, m)).collect::<Vec<_>>());
    }
    all.push("OPTIONS");
    all.join(", ")
}

fn methods_has(all: &[&str], method: &str) -> bool {
    all.contains(&method)
}

fn matched(pattern: &'static str, path: &str) -> Option<Params> {
    let mut params = Params::new();
    let (mut wanted, mut given) = (trimmed(pattern).split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(name), first) if name.starts_with('*') => {
                let rest: Vec<&str> = first.into_iter().chain(given).collect();
                params.push((name.trim_start_matches('*'), decode(&rest.join("/"))));
                return Some(params);
            }
            (Some(segment), Some(value)) => match segment.strip_prefix(':') {
                Some(_) if value.is_empty() => return None,
                Some(name) => params.push((name, decode(value))),
                None if segment == value => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn nothing(_: Context) -> Result<Reply, Failure> {
        Err(image2model_domain::Problem::no_route().into())
    }

    static TABLE: &[Route] = routes! {
        GET "/" Open Uncounted => nothing,
        GET "/api/v1/status/stream/:job_id" Owner Stream => nothing,
        GET "/api/v1/status/:job_id" Owner Standard => nothing,
        DELETE "/api/v1/jobs/:job_id" Owner Standard => nothing,
        POST "/api/v1/jobs/:job_id" Owner Standard => nothing,
        GET "/assets/*path" Open Uncounted => nothing,
        ANY "/assets/*path" Open Standard => nothing,
    };

    fn pattern(method: &str, path: &str) -> Option<(&'static str, Params)> {
        match find(TABLE, method, path) {
            Found::Route(route, params) => Some((route.pattern, params)),
            _ => None,
        }
    }

    #[test]
    fn finds_routes_with_and_without_a_trailing_slash() {
        for path in ["/api/v1/status/x%20y", "/api/v1/status/x%20y/"] {
            let (found, params) = pattern("GET", path).unwrap();
            assert_eq!((found, params), ("/api/v1/status/:job_id", vec![("job_id", "x y".to_owned())]));
        }
        assert_eq!(pattern("HEAD", "/").unwrap().0, "/");
        assert_eq!(pattern("GET", "/api/v1/status/stream/x").unwrap().0, "/api/v1/status/stream/:job_id");
        assert_eq!(pattern("GET", "/assets/a/b.js").unwrap().1, [("path", "a/b.js".to_owned())]);
    }

    #[test]
    fn tells_wrong_methods_from_unknown_paths() {
        let Found::OtherMethods(allow) = find(TABLE, "PUT", "/api/v1/jobs/x") else { panic!("expected a 405") };
        assert_eq!(allow, "DELETE, POST, OPTIONS");
        let Found::OtherMethods(allow) = find(TABLE, "POST", "/api/v1/status/x") else { panic!("expected a 405") };
        assert_eq!(allow, "GET, HEAD, OPTIONS");
        for (method, budget) in
            [("HEAD", Budget::Uncounted), ("OPTIONS", Budget::Standard), ("PATCH", Budget::Standard)]
        {
            let Found::Route(route, _) = find(TABLE, method, "/assets/a") else { panic!("expected a route") };
            assert_eq!(route.budget, budget, "{method}");
        }
        assert!(matches!(find(TABLE, "GET", "/api/v1/status/x/y"), Found::Nothing));
        assert!(matches!(find(TABLE, "GET", "/api/v1/status/"), Found::Nothing));
    }
}
