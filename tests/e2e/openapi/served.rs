//! How the document is served.

use image2model_tests::Product;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn under_both_addresses_cacheable_and_for_known_origins() {
    let product = Product::setup().with("ALLOWED_ORIGINS", "https://app.example").start().unwrap();
    let client = product.client().unwrap();
    let first = client.get("/openapi.json").await.unwrap();
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["content-type"], "application/json");
    let tag = first.headers()["etag"].clone();
    let length = first.headers()["content-length"].clone();
    let body = first.bytes().await.unwrap();
    for path in ["/api/v1/openapi.json", "/openapi.json/", "/api/v1/openapi.json/"] {
        assert_eq!(client.get(path).await.unwrap().bytes().await.unwrap(), body, "{path}");
    }
    let again = client.request(Method::GET, "/openapi.json").header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let head = client.request(Method::HEAD, "/api/v1/openapi.json").send().await.unwrap();
    assert_eq!((&head.headers()["etag"], &head.headers()["content-length"]), (&tag, &length));
    let known =
        client.request(Method::GET, "/openapi.json").header("origin", "https://app.example").send().await.unwrap();
    assert_eq!(known.headers()["access-control-allow-origin"], "https://app.example");
    let unknown =
        client.request(Method::GET, "/openapi.json").header("origin", "https://evil.example").send().await.unwrap();
    assert!(!unknown.headers().contains_key("access-control-allow-origin"));
    let wrong = client.request(Method::POST, "/openapi.json").send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), &wrong.headers()["allow"]), (405, &"GET, HEAD, OPTIONS".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_policy_allows_nothing_unsafe() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    for path in ["/docs", "/redoc", "/docs/"] {
        let page = client.request(Method::GET, path).header("accept", "text/html").send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(!policy.contains("http:") && !policy.contains("https:"), "{path}: {policy}");
    }
}
