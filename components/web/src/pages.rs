//! Which file answers which address, and how long a browser may keep it.

use std::path::Path;

use image2model_domain::Problem;
use image2model_domain::browser_headers::page_policy;
use image2model_kit::reply::{self, has_etag, insert};
use image2model_kit::{Context, Failure, Reply, config};
use serde_json::json;

use crate::files::{self, StaticFile};
use crate::{negotiate, unbuilt};

/// Where the manifest mounts the built pages.
const MOUNT: &str = "/pages";

/// The methods of every page and file.
const ALLOW: &str = "GET, HEAD, OPTIONS";

/// Addresses of pages; every other file has its own name.
fn page(path: &str) -> Option<&'static str> {
    match path.trim_matches('/') {
        "" | "upload" => Some("index.html"),
        "processing" | "results" => Some("processing.html"),
        "console" => Some("console.html"),
        "quickstart" => Some("quickstart.html"),
        "docs" => Some("docs.html"),
        "redoc" => Some("redoc.html"),
        _ => None,
    }
}

fn is_browser(context: &Context) -> bool {
    context.accepts("text/html")
}

fn find(name: &str) -> Option<std::rc::Rc<StaticFile>> {
    files::find(Path::new(MOUNT), name)
}

/// `/`: the upload page for browsers, facts for everything else.
pub(crate) async fn root(context: Context) -> Result<Reply, Failure> {
    let mut answer = if is_browser(&context) { show(&context, "/").await? } else { facts()? };
    insert(&mut answer, "vary", "Accept, Accept-Encoding");
    Ok(answer)
}

fn facts() -> Result<Reply, Failure> {
    let body = json!({
        "name": "image2model",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Photographs in, 3D models out.",
        "links": {
            "upload": "/api/v1/upload",
            "models": "/api/v1/models/available",
            "jobs": "/api/v1/jobs",
            "health": "/health",
            "page": "/upload",
            "openapi": "/openapi.json",
            "docs": "/docs",
        },
        "documentation": {
            "openapi": "/openapi.json",
            "swagger": "/docs",
            "redoc": "/redoc",
        },
    });
    reply::json(200, &body)
}

/// Any other address: a page, a file, or nothing.
pub(crate) async fn file(context: Context) -> Result<Reply, Failure> {
    show(&context, &context.path).await
}

/// The page or the file of an address.
pub(crate) async fn show(context: &Context, path: &str) -> Result<Reply, Failure> {
    let mut answer = found(context, path)?;
    // A manifest that does not grant it has the streams where the pages are.
    let streams = config::text("stream_url").await.unwrap_or_default();
    if !streams.is_empty() {
        insert(&mut answer, "content-security-policy", &page_policy(&streams));
    }
    Ok(answer)
}

fn found(context: &Context, path: &str) -> Result<Reply, Failure> {
    if let Some(name) = page(path) {
        return match find(name) {
            Some(file) => send(context, &file, "no-cache"),
            None => reply::full(200, "text/html; charset=utf-8", unbuilt::PAGE),
        };
    }
    let name = path.trim_start_matches('/');
    match find(name) {
        Some(file) => send(context, &file, caching(name)),
        None => missing(context),
    }
}

/// Names under `assets/` carry a digest of what they hold.
fn caching(name: &str) -> &'static str {
    match name {
        _ if name.starts_with("assets/") => "public, max-age=31536000, immutable",
        _ if name.to_ascii_lowercase().ends_with(".html") => "no-cache",
        _ => "public, max-age=3600",
    }
}

fn send(context: &Context, file: &StaticFile, caching: &str) -> Result<Reply, Failure> {
    let coding = negotiate::coding(context.header("accept-encoding"), file.codings());
    let (bytes, tag) = file.variant(coding);
    let mut answer =
        if has_etag(&context.headers, &tag) { reply::empty(304)? } else { reply::full(200, file.media_type, bytes)? };
    insert(&mut answer, "etag", &tag);
    insert(&mut answer, "cache-control", caching);
    insert(&mut answer, "vary", "Accept-Encoding");
    if let Some(coding) = coding {
        insert(&mut answer, "content-encoding", coding.token());
    }
    Ok(answer)
}

/// A page for browsers that looked for one, a problem for programs and for every address of the API.
fn missing(context: &Context) -> Result<Reply, Failure> {
    let for_people = is_browser(context) && !context.path.starts_with("/api/");
    match find("404.html").filter(|_| for_people) {
        Some(page) => {
            let (bytes, _) = page.variant(None);
            reply::full(404, page.media_type, bytes)
        }
        None => Err(Problem::no_route().into()),
    }
}

/// Nothing here takes any other method: 405 where there is something, 404 where there is nothing.
pub(crate) async fn other_method(context: Context) -> Result<Reply, Failure> {
    let document = matches!(context.path.trim_matches('/'), "openapi.json" | "api/v1/openapi.json");
    let known = document || page(&context.path).is_some() || find(context.path.trim_start_matches('/')).is_some();
    if !known {
        return Err(Problem::no_route().into());
    }
    if context.method.as_str() == "OPTIONS" {
        let mut answer = reply::empty(204)?;
        insert(&mut answer, "allow", ALLOW);
        return Ok(answer);
    }
    let detail = format!("{} is not allowed here; allowed: {ALLOW}", context.method);
    Err(Problem::plain(405, detail).with_header("allow", ALLOW).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_pages() {
        for (path, name) in [
            ("/", "index.html"),
            ("/upload/", "index.html"),
            ("/results", "processing.html"),
            ("/console", "console.html"),
            ("/quickstart", "quickstart.html"),
        ] {
            assert_eq!(page(path), Some(name));
        }
        assert_eq!(page("/assets/x.js"), None);
    }

    #[test]
    fn only_named_by_digest_is_kept_for_ever() {
        assert!(caching("assets/a-1234.js").contains("immutable"));
        assert_eq!(caching("index.html"), "no-cache");
        assert!(!caching("favicon.svg").contains("immutable"));
    }
}
