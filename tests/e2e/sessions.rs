//! Browsers' sessions: a key is given once, and from then on a cookie opens what it opened, for this service's pages alone, for
//! a while, and for as long as the key does.

use image2model_domain::api_key::hash_of;
use image2model_tests::client::{Client, Upload, session_of, text};
use image2model_tests::{Fleet, photo};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

const ADMIN: &str = "the-admins-key-0123456789";
const USER: &str = "the-users-key-0123456789";

fn fleet() -> Fleet {
    let setup = Fleet::setup().with("ENVIRONMENT", "production").with("API_KEY", USER).with("ADMIN_API_KEY", ADMIN);
    let setup = setup.with("JOB_ACCESS", "owner").with("TRUSTED_PROXIES", "127.0.0.1");
    setup.with("RATE_LIMIT_WRONG_KEYS_PER_MINUTE", "100000").start().unwrap()
}

/// A browser: it has a cookie and no key.
struct Browser {
    client: Client,
    cookie: String,
}

impl Browser {
    /// A request of one of our own pages.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, path).header("cookie", &self.cookie).header("sec-fetch-site", "same-origin")
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }
}

async fn sign_in(fleet: &Fleet, key: &str, role: &str) -> (Response, Browser) {
    let host = &fleet.hosts()[0];
    let open = host.client(Some(key)).unwrap().request(Method::POST, "/api/v1/session").json(&json!({ "role": role }));
    let answer = open.send().await.unwrap();
    let cookie = answer.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next().map(str::to_owned)).unwrap_or_default();
    (answer, Browser { client: host.client(None).unwrap(), cookie })
}

async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    (status, text(&answer.json::<Value>().await.unwrap(), "error_code").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_does_all_that_its_key_could_without_the_key() {
    let mut fleet = fleet();
    let (answer, browser) = sign_in(&fleet, USER, "user").await;
    assert_eq!(answer.status(), 201);
    let set = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"] {
        assert!(set.contains(word), "{set}");
    }
    assert!(!set.contains("Secure"), "there is no TLS here: {set}");
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["signed_in"], &body["role"]), (&json!(true), &json!("user")));

    let form = reqwest::multipart::Form::new();
    let form = form.part("files", Upload::new("chair.jpg", photo::jpeg(200, 150, 1).unwrap()).part().unwrap());
    let uploaded = browser.request(Method::POST, "/api/v1/upload").multipart(form).send().await.unwrap();
    let job: Value = uploaded.json().await.unwrap();
    let (id, file) = (text(&job, "job_id"), text(&job["files"][0], "file_id"));
    // As an EventSource asks: with the cookie, and nothing in the address.
    let stream = browser.get(&format!("/api/v1/status/stream/{id}")).await;
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    assert!(stream.text().await.unwrap().contains("\"completed\""));
    for path in ["model", "preview", "original", "thumbnail"] {
        assert_eq!(browser.get(&format!("/api/v1/download/{id}/{file}/{path}?stream=1")).await.status(), 200, "{path}");
    }
    let small = browser.get(&format!("/api/v1/download/{id}/{file}/thumbnail")).await;
    assert_eq!(small.headers()["cache-control"], "private, max-age=3600");
    // As browsers send cookies over HTTP/2, each in a field of its own.
    for path in ["/api/v1/jobs".to_owned(), format!("/api/v1/status/stream/{id}"), "/api/v1/session".to_owned()] {
        let request = browser.client.request(Method::GET, &path).header("cookie", "theme=dark");
        let answer = request.header("cookie", &browser.cookie).header("sec-fetch-site", "same-origin");
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let body = answer.text().await.unwrap();
        assert!(path != "/api/v1/session" || body.contains("\"signed_in\":true"), "{body}");
    }
    let listed: Value = browser.get("/api/v1/jobs").await.json().await.unwrap();
    assert_eq!((text(&listed["jobs"][0], "job_id"), &listed["jobs"][0]["pictured_file_ids"]), (id, &json!([file])));
    // It is the key's own job: the key sees it too.
    let with_key = fleet.hosts()[0].client(Some(USER)).unwrap();
    assert_eq!(with_key.get(&format!("/api/v1/status/{id}")).await.unwrap().status(), 200);

    let secret = browser.cookie.split_once('=').unwrap().1;
    let mut redis = fleet.redis().connection().await.unwrap();
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    assert!(names.contains(&format!("browser_session:{}", hash_of(secret))), "only its digest is kept: {names:?}");
    assert!(names.iter().all(|name| !name.contains(secret)));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_cannot_use_it() {
    let fleet = fleet();
    let (_, browser) = sign_in(&fleet, USER, "user").await;
    let upload = |client: &Client| client.request(Method::GET, "/api/v1/jobs").header("cookie", &browser.cookie);
    let host = fleet.hosts()[0].url().trim_start_matches("http://").to_owned();
    let (own, evil) = (format!("http://{host}"), "https://evil.example".to_owned());
    let cancel = |headers: &[(&str, &str)]| {
        let request = browser.client.request(Method::DELETE, "/api/v1/jobs/00000000000000000000000000000000");
        let request = request.header("cookie", &browser.cookie);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    };
    let (found, crossed) = ((404, "JOB_NOT_FOUND".to_owned()), (403, "CROSS_SITE_REQUEST".to_owned()));
    for headers in [
        &[("sec-fetch-site", "same-origin"), ("origin", own.as_str())][..],
        &[("origin", own.as_str())],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(refusal(cancel(headers).await.unwrap()).await, found, "{headers:?}");
    }
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", evil.as_str())][..],
        &[("sec-fetch-site", "same-site"), ("origin", own.as_str())],
        &[("origin", evil.as_str())],
        &[("origin", "null")],
        // A browser that does not say whose page it was.
        &[],
    ] {
        assert_eq!(refusal(cancel(headers).await.unwrap()).await, crossed, "{headers:?}");
    }
    assert_eq!(upload(&browser.client).send().await.unwrap().status(), 200, "what only reads, from an old browser");
    let read = upload(&browser.client).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert!(read.headers().get("access-control-allow-credentials").is_none());
    assert_eq!(refusal(read).await, crossed);
    // A key that is presented counts, whatever the browser has.
    let with_key = fleet.hosts()[0].client(Some(USER)).unwrap();
    let with_both = upload(&with_key).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(with_both.status(), 200);
    // Over TLS, as a trusted proxy says, a cookie without the protection of its name counts for nothing: a neighbour may have
    // planted it.
    let over_tls = browser.request(Method::GET, "/api/v1/jobs").header("x-forwarded-proto", "https");
    assert_eq!(refusal(over_tls.send().await.unwrap()).await, (403, "NOT_AUTHENTICATED".to_owned()));
    let sign_in = with_key.request(Method::POST, "/api/v1/session").header("x-forwarded-proto", "https");
    let set = sign_in.send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-image2model_session=") && set.ends_with("; Secure"), "{set}");
    let protected = browser.client.request(Method::GET, "/api/v1/jobs").header("x-forwarded-proto", "https");
    let protected = protected.header("cookie", set.split(';').next().unwrap()).send().await.unwrap();
    assert_eq!(protected.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_what_it_was_opened_for_and_ends_with_its_key() {
    let mut fleet = fleet();
    let refused = sign_in(&fleet, USER, "admin").await.0;
    assert_eq!(refusal(refused).await, (403, "INVALID_ADMIN_API_KEY".to_owned()));
    let (_, narrow) = sign_in(&fleet, ADMIN, "user").await;
    assert_eq!(refusal(narrow.get("/api/v1/admin/keys").await).await, (403, "INVALID_ADMIN_API_KEY".to_owned()));
    let (answer, wide) = sign_in(&fleet, ADMIN, "admin").await;
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=3600"), "an administrator's is short");
    let issue = wide.request(Method::POST, "/api/v1/admin/keys").json(&json!({ "name": "the shop" }));
    let issued: Value = issue.send().await.unwrap().json().await.unwrap();

    // A session opens no other session, and shows itself.
    let (_, browser) = sign_in(&fleet, text(&issued, "key"), "user").await;
    let another = browser.request(Method::POST, "/api/v1/session").send().await.unwrap();
    assert!(another.headers().get("set-cookie").is_none());
    assert_eq!(refusal(another).await, (403, "NOT_AUTHENTICATED".to_owned()));
    let shown: Value = browser.get("/api/v1/session").await.json().await.unwrap();
    assert_eq!((&shown["signed_in"], &shown["role"]), (&json!(true), &json!("user")), "{shown}");
    assert!(shown["expires_at"].is_string());

    // Its key is revoked: on every host from that moment on.
    fleet.add_serving(1).unwrap();
    let elsewhere = Browser { client: fleet.hosts()[1].client(None).unwrap(), cookie: browser.cookie.clone() };
    assert_eq!(elsewhere.get("/api/v1/jobs").await.status(), 200);
    let revoke = wide.request(Method::DELETE, &format!("/api/v1/admin/keys/{}", text(&issued, "id")));
    assert_eq!(revoke.send().await.unwrap().status(), 200);
    for browser in [&browser, &elsewhere] {
        assert_eq!(refusal(browser.get("/api/v1/jobs").await).await, (403, "NOT_AUTHENTICATED".to_owned()));
    }

    // Closed, it opens nothing wherever its cookie was copied to.
    let closed = wide.request(Method::DELETE, "/api/v1/session").send().await.unwrap();
    assert!(closed.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(wide.get("/api/v1/admin/keys").await.status(), 403);

    // Its time is over: instead of hours of waiting, it is put back where it is kept.
    let old = Browser { cookie: session_of(&fleet.hosts()[0].client(Some(USER)).unwrap()).await.unwrap(), ..browser };
    assert_eq!(old.get("/api/v1/jobs").await.status(), 200);
    let name = format!("browser_session:{}", hash_of(old.cookie.split_once('=').unwrap().1));
    let mut redis = fleet.redis().connection().await.unwrap();
    let left: i64 = redis::cmd("PTTL").arg(&name).query_async(&mut redis).await.unwrap();
    assert!((28_000_000..=28_800_000).contains(&left), "Redis lets it go by itself: {left}");
    let set: redis::RedisResult<i64> =
        redis::cmd("HSET").arg(&name).arg("expires_at").arg(1_000).query_async(&mut redis).await;
    assert_eq!(set.unwrap(), 0, "the field was there");
    assert_eq!(refusal(old.get("/api/v1/jobs").await).await, (403, "NOT_AUTHENTICATED".to_owned()));
}
