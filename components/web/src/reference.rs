//! The API's document, and the two pages that show it.

use std::cell::OnceCell;

use image2model_kit::reply::{self, etag, has_etag, insert};
use image2model_kit::{Context, Failure, Reply};

use crate::pages;

/// Bundled from `openapi/` when this component is built.
static DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The policy of every page, but for two style sheets that Redoc puts into its page, by their digests: an empty one, which its
/// script fills with rules, and the one of its scroll bars. `web/build/strict-redoc.ts` keeps both as they are.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
     img-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

thread_local! {
    static TAG: OnceCell<String> = const { OnceCell::new() };
}

/// `/openapi.json`.
pub(crate) async fn document(context: Context) -> Result<Reply, Failure> {
    let tag = TAG.with(|tag| tag.get_or_init(|| etag(DOCUMENT.as_bytes())).clone());
    let mut answer = if has_etag(&context.headers, &tag) {
        reply::empty(304)?
    } else {
        reply::full(200, "application/json", DOCUMENT)?
    };
    insert(&mut answer, "etag", &tag);
    insert(&mut answer, "cache-control", "public, max-age=300");
    Ok(answer)
}

/// `/docs`: Swagger UI.
pub(crate) async fn docs(context: Context) -> Result<Reply, Failure> {
    pages::show(&context, "/docs").await
}

/// `/redoc`: Redoc.
pub(crate) async fn redoc(context: Context) -> Result<Reply, Failure> {
    let mut answer = pages::show(&context, "/redoc").await?;
    insert(&mut answer, "content-security-policy", REDOC_POLICY);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_one_line_and_allows_nothing_unsafe() {
        assert!(!REDOC_POLICY.contains("unsafe") && !REDOC_POLICY.contains("  ") && !REDOC_POLICY.contains('\n'));
    }

    #[test]
    fn the_document_is_this_versions() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
