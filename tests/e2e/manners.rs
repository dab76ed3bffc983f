//! What every route does alike: `HEAD`, `OPTIONS`, 404, 405, 415, names of requests and
//! traces, security headers, CORS.
//!
//! The routes are read from the components' own tables (`routes!`), so that a new one is held to it without being listed here.

use std::collections::BTreeMap;

use image2model_tests::client::{Upload, text};
use image2model_tests::product::Setup;
use image2model_tests::tables::route_tables;
use image2model_tests::{Client, Product, photo};
use reqwest::{Method, Response};
use serde_json::Value;

const ADMIN: &str = "the-admins-key-0123456789";
const ORIGIN: &str = "https://app.example.org";

/// Methods by pattern.
fn routes() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in route_tables().unwrap() {
        found.entry(line.pattern).or_default().push(line.method);
    }
    found
}

/// What `Allow` has to say.
fn allowed(methods: &[String]) -> Vec<&str> {
    let mut all: Vec<&str> = methods.iter().map(String::as_str).chain(["OPTIONS"]).collect();
    if all.contains(&"GET") {
        all.push("HEAD");
    }
    all.sort_unstable();
    all
}

fn allow_header(answer: &Response) -> Vec<String> {
    let allow = answer.headers().get("allow").map_or("", |value| value.to_str().unwrap());
    let mut methods: Vec<String> = allow.split(", ").map(str::to_owned).collect();
    methods.sort_unstable();
    methods
}

struct Scene {
    product: Product,
    admin: Client,
    job: Value,
}

async fn scene() -> Scene {
    scene_of(Product::setup()).await
}

async fn scene_of(setup: Setup) -> Scene {
    let setup = setup.with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", ADMIN);
    let product = setup.with("ALLOWED_ORIGINS", ORIGIN).start().unwrap();
    let admin = product.client_with_key(ADMIN).unwrap();
    let picture = Upload::new("chair.jpg", photo::jpeg(64, 64, 1).unwrap());
    let job = admin.upload(&[picture], &[]).await.unwrap();
    assert_eq!(admin.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
    Scene { product, admin, job }
}

impl Scene {
    /// A path that the pattern takes, about the finished job.
    fn path(&self, pattern: &str) -> String {
        let segment = |segment: &str| match segment {
            ":job_id" | ":batch_id" => text(&self.job, "job_id").to_owned(),
            ":task_id" => text(&self.job, "task_id").to_owned(),
            ":file_id" => text(&self.job["files"][0], "file_id").to_owned(),
            ":filename" => "chair.glb".to_owned(),
            other if other.starts_with(':') => "0".repeat(32),
            other => other.to_owned(),
        };
        pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    async fn send(&self, method: &str, path: &str) -> Response {
        self.admin.request(method.parse().unwrap(), path).send().await.unwrap()
    }
}

/// What every answer has, whatever it is; says what is missing.
fn missing_from(answer: &Response) -> Vec<&'static str> {
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("cache-control", ""),
        ("x-request-id", ""),
        ("traceparent", "00-"),
        ("traceresponse", "00-"),
    ];
    let has =
        |name: &str, part: &str| answer.headers().get(name).is_some_and(|v| v.to_str().is_ok_and(|v| v.contains(part)));
    expected.iter().filter(|(name, part)| !has(name, part)).map(|(name, _)| *name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_says_its_methods_and_refuses_the_others() {
    let scene = scene().await;
    let mut wrong = Vec::new();
    for (pattern, methods) in routes() {
        for path in [scene.path(&pattern), format!("{}/", scene.path(&pattern).trim_end_matches('/'))] {
            let options = scene.send("OPTIONS", &path).await;
            if options.status() != 204 || allow_header(&options) != allowed(&methods) {
                wrong.push(format!("OPTIONS {path}: {} {:?}", options.status(), allow_header(&options)));
            }
            let other = scene.send("PATCH", &path).await;
            let (status, allow, lacks) = (other.status(), allow_header(&other), missing_from(&other));
            let body: Value = other.json().await.unwrap_or_default();
            if status != 405 || allow != allowed(&methods) || body["error_code"] != "HTTP_405" || !lacks.is_empty() {
                wrong.push(format!("PATCH {path}: {status} {allow:?} {lacks:?} {body}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_as_get_without_the_body() {
    let scene = scene().await;
    let mut wrong = Vec::new();
    for (pattern, _) in routes().iter().filter(|(_, methods)| methods.iter().any(|m| m == "GET")) {
        let path = scene.path(pattern);
        let (get, head) = (scene.send("GET", &path).await, scene.send("HEAD", &path).await);
        let slash = scene.send("GET", &format!("{path}/")).await.status();
        let lacks = [missing_from(&get), missing_from(&head)].concat();
        let kind = |answer: &Response| answer.headers().get("content-type").cloned();
        let same = (get.status(), kind(&get)) == (head.status(), kind(&head)) && (path == "/" || slash == get.status());
        let (status, head_status) = (get.status(), head.status());
        let empty = head.bytes().await.unwrap().is_empty();
        if !same || !empty || !lacks.is_empty() || status.as_u16() == 500 {
            wrong.push(format!(
                "{path}: GET {status}, HEAD {head_status}, with a slash {slash}, empty {empty}, lacks {lacks:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Routes that do something and read no body.
const WITHOUT_BODY: [&str; 9] =
    ["/retry", "/replay", "/cancel", "/pause", "/resume", "/rotate", "/rollback", "/swap", "/canary"];

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_media_type_is_415() {
    let scene = scene().await;
    let mut wrong = Vec::new();
    let posts = routes().into_iter().filter(|(_, methods)| methods.iter().any(|m| m == "POST"));
    for (pattern, _) in posts.filter(|(pattern, _)| !WITHOUT_BODY.iter().any(|end| pattern.ends_with(end))) {
        let path = scene.path(&pattern);
        let request = scene.admin.request(Method::POST, &path).header("content-type", "text/csv").body("a,b");
        let answer = request.send().await.unwrap();
        let (status, lacks) = (answer.status(), missing_from(&answer));
        let body: Value = answer.json().await.unwrap_or_default();
        if status != 415 || body["status"] != 415 || !lacks.is_empty() {
            wrong.push(format!("POST {path}: {status} {lacks:?} {body}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_are_404_in_the_contracts_shape() {
    let scene = scene().await;
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api/v1/status",
        "/api/v1/admin/nothing",
        "/api/v1/download/x/y/z",
        "/api/v2/jobs",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = scene.send(method, path).await;
            assert_eq!((answer.status().as_u16(), missing_from(&answer)), (404, vec![]), "{method} {path}");
            let body: Value = answer.json().await.unwrap();
            assert_eq!((&body["error_code"], &body["instance"]), (&"HTTP_404".into(), &path.into()), "{method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_that_are_named_may_read_and_others_learn_nothing() {
    let scene = scene().await;
    let status = scene.path("/api/v1/status/:job_id");
    let stream = scene.path("/api/v1/status/stream/:job_id");
    for path in [status.as_str(), &stream, "/api/v1/upload", "/api/v1/admin/keys", "/api/v1/nothing", "/health"] {
        let preflight = async |origin: &str| {
            let request = scene.product.client().unwrap().request(Method::OPTIONS, path);
            let request = request.header("origin", origin).header("access-control-request-method", "POST");
            request.header("access-control-request-headers", "authorization, x-request-id").send().await.unwrap()
        };
        let known = preflight(ORIGIN).await;
        let value = |name: &str| known.headers().get(name).map_or("", |v| v.to_str().unwrap()).to_ascii_lowercase();
        assert_eq!((known.status().as_u16(), value("access-control-allow-origin").as_str()), (204, ORIGIN), "{path}");
        for header in [
            "authorization",
            "content-type",
            "idempotency-key",
            "x-request-id",
            "traceparent",
            "last-event-id",
            "if-match",
        ] {
            assert!(value("access-control-allow-headers").contains(header), "{path}: {header}");
        }
        for method in ["get", "head", "post", "delete", "options"] {
            assert!(value("access-control-allow-methods").contains(method), "{path}: {method}");
        }
        let strange = preflight("https://evil.example").await;
        let cors =
            |answer: &Response| answer.headers().keys().filter(|n| n.as_str().starts_with("access-control")).count();
        assert_eq!((strange.status().as_u16(), cors(&strange)), (204, 0), "{path}");

        let get =
            async |origin: &str| scene.admin.request(Method::GET, path).header("origin", origin).send().await.unwrap();
        let known = get(ORIGIN).await;
        assert_eq!(known.headers()["access-control-allow-origin"], ORIGIN, "{path}");
        let exposed = known.headers()["access-control-expose-headers"].to_str().unwrap().to_ascii_lowercase();
        for header in EXPOSED {
            assert!(exposed.split(", ").any(|e| e == header), "{path}: {header} is not exposed");
        }
        assert_eq!(cors(&get("https://evil.example").await), 0, "{path}");
        assert!(known.headers().get_all("vary").iter().any(|v| v.to_str().unwrap().contains("Origin")), "{path}");
    }
    // The host itself answers here, whoever it answers in the place of.
    let host = |origin| scene.admin.request(Method::GET, "/.well-known/spin/health").header("origin", origin).send();
    assert_eq!(host(ORIGIN).await.unwrap().headers()["access-control-allow-origin"], ORIGIN);
    assert!(!host("https://evil.example").await.unwrap().headers().contains_key("access-control-allow-origin"));
}

const EXPOSED: [&str; 13] = [
    "x-request-id",
    "traceparent",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "content-disposition",
    "content-range",
    "etag",
    "location",
];

#[tokio::test(flavor = "multi_thread")]
async fn hsts_is_said_over_tls_only_and_a_proxy_is_believed_that_is_trusted() {
    for (setup, trusted) in [(Product::setup(), false), (Product::setup().with("TRUSTED_PROXIES", "127.0.0.1"), true)] {
        let scene = scene_of(setup).await;
        for path in ["/", "/api/v1/models/available", "/api/v1/nothing", &scene.path("/api/v1/status/stream/:job_id")] {
            let with = |protocol: &'static str| {
                scene.admin.request(Method::GET, path).header("x-forwarded-proto", protocol).send()
            };
            let said = |answer: Response| answer.headers().contains_key("strict-transport-security");
            assert_eq!(said(with("https").await.unwrap()), trusted, "{path}");
            assert!(!said(with("http").await.unwrap()), "{path}");
            assert!(!said(scene.send("GET", path).await), "{path}");
        }
    }
}

/// The longest that is taken over, and what is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_id_when_it_is_fit_for_headers_and_logs() {
    let scene = scene().await;
    let (longest, too_long) = ("aZ9._-".repeat(22)[..128].to_owned(), "x".repeat(129));
    for path in ["/api/v1/models/available", "/api/v1/nothing", "/", &scene.path("/api/v1/status/stream/:job_id")] {
        let id_of = async |sent: &str| {
            let answer = scene.admin.request(Method::GET, path).header("x-request-id", sent).send().await.unwrap();
            answer.headers()["x-request-id"].to_str().unwrap().to_owned()
        };
        for good in ["a", longest.as_str()] {
            assert_eq!(id_of(good).await, good, "{path}");
        }
        for bad in ["", "a b", "a/b", "a{b}", "é", too_long.as_str()] {
            let made = id_of(bad).await;
            assert!(made != bad && made.len() >= 32 && !made.contains('/'), "{path}: {bad:?} became {made:?}");
            assert_ne!(id_of(bad).await, made, "each is made anew");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn id_and_trace_of_an_upload_reach_its_job_and_the_workers_log() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut product = Product::setup().with("LOG_FORMAT", "json").start().unwrap();
    let client = product.client().unwrap();
    let picture = Upload::new("sim-content-policy.jpg", photo::jpeg(64, 64, 1).unwrap());
    let form = reqwest::multipart::Form::new().part("files", picture.part().unwrap());
    let request = client.request(Method::POST, "/api/v1/upload").multipart(form).header("x-request-id", "my-upload.1");
    let answer = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")).send().await.unwrap();
    let traceparent = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent.ends_with("-01"), "{traceparent}");
    assert!(!traceparent.contains("00f067aa0ba902b7"), "a span of its own");
    let job: Value = answer.json().await.unwrap();
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "failed");

    let metadata = product.data().join("uploads").join(text(&job, "job_id")).join("metadata.json");
    assert!(std::fs::read_to_string(metadata).unwrap().contains("my-upload.1"));
    let said = product.process().said();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains(text(&job, "job_id"))).collect();
    let of_the_attempt: Vec<_> = lines.iter().filter(|line| line.contains("FAL.AI failed for a file")).collect();
    assert!(!of_the_attempt.is_empty(), "the worker said nothing of it:\n{said}");
    for line in lines.iter().filter(|line| line.contains("image2model_host::worker")) {
        assert!(line.contains("my-upload.1") && line.contains(TRACE), "{line}");
    }

    let broken = client.request(Method::GET, "/api/v1/models/available").header("traceparent", "00-zz-1-01");
    let begun = broken.send().await.unwrap();
    let begun = begun.headers()["traceparent"].to_str().unwrap();
    assert!(begun.len() == 55 && begun.ends_with("-00") && !begun.contains(TRACE), "{begun}");
}
