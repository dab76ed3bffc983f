//! Issued keys, over HTTP and from a terminal (`image2model keys`).

use std::collections::BTreeSet;
use std::process::Output;
use std::time::{Duration, Instant};

use image2model_domain::api_key::hash_of;
use image2model_tests::client::{Client, Upload, text};
use image2model_tests::product::image2model;
use image2model_tests::{Fleet, Product, photo};
use reqwest::multipart::Form;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const ADMIN: &str = "the-admins-key-0123456789";

fn product() -> Product {
    let setup = Product::setup().with("ENVIRONMENT", "production").with("LOG_FORMAT", "json");
    setup.with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", ADMIN).start().unwrap()
}

async fn issue(admin: &Client, body: Value) -> Response {
    admin.request(Method::POST, "/api/v1/admin/keys").json(&body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let mut fleet = Fleet::setup().with("ADMIN_API_KEY", ADMIN).with("LOG_FORMAT", "json").start().unwrap();
    let admin = fleet.hosts()[0].client(Some(ADMIN)).unwrap();
    let body = json!({ "name": "the shop", "expires_in_seconds": 3600, "limits": { "per_minute": 7 } });
    let answer = issue(&admin, body).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (201, &"no-store".parse().unwrap()));
    let issued: Value = answer.json().await.unwrap();
    let key = text(&issued, "key").to_owned();
    assert!(key.starts_with("i2m_") && key.len() == 47, "{key}");
    assert_eq!((text(&issued, "role"), text(&issued, "state")), ("user", "active"));
    assert_eq!(issued["limits"], json!({ "per_minute": 7, "per_hour": null, "uploads_per_minute": null }));
    assert!(issued["expires_at"].is_string() && issued["last_used_at"].is_null());

    let user = fleet.hosts()[0].client(Some(&key)).unwrap();
    let jobs = user.get("/api/v1/jobs").await.unwrap();
    assert_eq!((jobs.status().as_u16(), &jobs.headers()["x-ratelimit-limit"]), (200, &"7".parse().unwrap()));
    let listed = admin.json("/api/v1/admin/keys").await.unwrap();
    assert_eq!((text(&listed["keys"][0], "id"), &listed["next_cursor"]), (text(&issued, "id"), &Value::Null));
    assert!(listed["keys"][0]["last_used_at"].is_string(), "it was used");
    assert!(!listed.to_string().contains(&key) && listed["keys"][0].get("key").is_none());

    let mut redis = fleet.redis().connection().await.unwrap();
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let hash = hash_of(&key);
    assert!(names.contains(&format!("api_key:{hash}")), "{names:?}");
    assert!(names.iter().all(|name| !name.contains(&key)), "{names:?}");
    for name in [format!("api_key:{hash}"), "api_key_hashes".to_owned()] {
        let kept: Vec<String> = redis::cmd("HGETALL").arg(&name).query_async(&mut redis).await.unwrap();
        assert!(!kept.is_empty() && !kept.iter().any(|value| value.contains("i2m_")), "{name}: {kept:?}");
    }
    let log = fleet.host(0).unwrap().process().said();
    assert!(log.contains("/api/v1/admin/keys") && !log.contains(&key), "the audit names the call and not the key");
}

/// Everything that Redis keeps: names, values and fields of every key, whatever its type, as text.
async fn everything_kept(fleet: &mut Fleet) -> (BTreeSet<String>, String) {
    let mut redis = fleet.redis().connection().await.unwrap();
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let (mut types, mut all) = (BTreeSet::new(), String::new());
    for name in names {
        let kind: String = redis::cmd("TYPE").arg(&name).query_async(&mut redis).await.unwrap();
        let (command, range): (_, &[&str]) = match kind.as_str() {
            "string" => ("GET", &[]),
            "hash" => ("HGETALL", &[]),
            "set" => ("SMEMBERS", &[]),
            "zset" => ("ZRANGE", &["0", "-1"]),
            "list" => ("LRANGE", &["0", "-1"]),
            "stream" => ("XRANGE", &["-", "+"]),
            // A sign of life, which may have run out since its name was read.
            "none" => continue,
            other => panic!("{name} is a {other}"),
        };
        let value: redis::Value = redis::cmd(command).arg(&name).arg(range).query_async(&mut redis).await.unwrap();
        all.push_str(&name);
        write_out(&value, &mut all);
        types.insert(kind);
    }
    (types, all)
}

fn write_out(value: &redis::Value, into: &mut String) {
    into.push('\n');
    match value {
        redis::Value::BulkString(bytes) => into.push_str(&String::from_utf8_lossy(bytes)),
        redis::Value::Array(values) | redis::Value::Set(values) => values.iter().for_each(|v| write_out(v, into)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(name, value)| {
            write_out(name, into);
            write_out(value, into);
        }),
        other => into.push_str(&format!("{other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_kept_in_any_value_after_everything_was_done_with_it() {
    const USER: &str = "the-users-key-0123456789";
    let setup = Fleet::setup().with("API_KEY", USER).with("ADMIN_API_KEY", ADMIN).with("ENVIRONMENT", "production");
    let mut fleet = setup.with("LOG_LEVEL", "debug").with("ACCESS_LOG", "store").start().unwrap();
    let admin = fleet.hosts()[0].client(Some(ADMIN)).unwrap();
    let issued: Value = issue(&admin, json!({ "name": "the shop" })).await.json().await.unwrap();
    let (key, mut jobs) = (text(&issued, "key").to_owned(), Vec::new());
    for (n, key) in [key.as_str(), USER, ADMIN].into_iter().enumerate() {
        let client = fleet.hosts()[0].client(Some(key)).unwrap();
        let picture = Upload::new("chair.jpg", photo::jpeg(64, 64, u32::try_from(n).unwrap()).unwrap());
        let form = Form::new().part("files", picture.part().unwrap());
        let request = client.request(Method::POST, "/api/v1/upload").header("idempotency-key", format!("once-{n}"));
        let job: Value = request.multipart(form).send().await.unwrap().json().await.unwrap();
        let id = text(&job, "job_id").to_owned();
        assert_eq!(client.ended(&id).await.unwrap()["status"], "completed");
        client.events(&format!("/api/v1/status/stream/{id}"), None).await.unwrap();
        assert_eq!(client.get(&format!("/api/v1/download/{id}/all")).await.unwrap().status(), 200);
        let admins = client.get("/api/v1/admin/keys").await.unwrap().status();
        assert_eq!(admins, if key == ADMIN { 200 } else { 403 });
        jobs.push(id);
    }
    // What was asked is in the log store a moment later: not found before, nothing would be shown by its absence below.
    let asked = format!("/api/v1/download/{}/all", jobs.last().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    let (types, kept) = loop {
        let (types, kept) = everything_kept(&mut fleet).await;
        if kept.contains(&asked) {
            break (types, kept);
        }
        assert!(Instant::now() < deadline, "the access log is not kept");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    for kind in ["string", "hash", "zset", "stream"] {
        assert!(types.contains(kind), "no {kind} was looked into: {types:?}");
    }
    for id in &jobs {
        assert!(kept.contains(id.as_str()), "the job is there");
    }
    assert!(kept.contains("idempotency:"), "and so are the uploads' own keys");
    for (secret, whose) in [(key.as_str(), "issued"), (USER, "user's"), (ADMIN, "admin's")] {
        assert!(kept.contains(&hash_of(secret)), "the {whose} key is known by its hash");
        let place = kept.lines().find(|line| line.contains(secret));
        assert_eq!(place, None, "the {whose} key is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_told_field_by_field() {
    let product = product();
    let admin = product.client_with_key(ADMIN).unwrap();
    let fields = async |body: Value| {
        let answer = issue(&admin, body).await;
        assert_eq!(answer.status(), 422);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error_code"], "VALIDATION_ERROR");
        let errors = body["details"]["errors"].as_array().unwrap().clone();
        assert!(errors.iter().all(|e| !text(e, "message").is_empty()));
        errors.iter().map(|e| text(e, "field").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fields(json!({})).await, ["name"]);
    let everything =
        json!({ "name": "", "role": "root", "expires_in_seconds": 1, "limits": { "per_hour": -1 }, "secret": 1 });
    assert_eq!(fields(everything).await, ["secret", "name", "role", "expires_in_seconds", "limits.per_hour"]);
    for query in ["limit=0", "limit=1000", "cursor=x", &format!("cursor={}", "0".repeat(32))] {
        assert_eq!(admin.get(&format!("/api/v1/admin/keys?{query}")).await.unwrap().status(), 422, "{query}");
    }
    for id in ["none", &"0".repeat(32), "a%2Fb"] {
        let gone = admin.request(Method::DELETE, &format!("/api/v1/admin/keys/{id}")).send().await.unwrap();
        assert_eq!(gone.status(), 404, "{id}");
        assert_eq!(gone.json::<Value>().await.unwrap()["error_code"], "KEY_NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_goes_on_where_it_ended_whatever_is_issued_meanwhile() {
    let product = product();
    let admin = product.client_with_key(ADMIN).unwrap();
    for n in 0..7 {
        assert_eq!(issue(&admin, json!({ "name": format!("key {n}") })).await.status(), 201);
    }
    let (mut names, mut path) = (Vec::new(), "/api/v1/admin/keys?limit=3".to_owned());
    loop {
        let page = admin.json(&path).await.unwrap();
        names.extend(page["keys"].as_array().unwrap().iter().map(|key| text(key, "name").to_owned()));
        assert_eq!(issue(&admin, json!({ "name": "meanwhile" })).await.status(), 201);
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/admin/keys?limit=3&cursor={next}");
    }
    assert_eq!(names, (0..7).rev().map(|n| format!("key {n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_key_opens_admin_routes_until_it_is_revoked_and_a_users_key_never() {
    let product = product();
    let admin = product.client_with_key(ADMIN).unwrap();
    let issued: Value = issue(&admin, json!({ "name": "deputy", "role": "admin" })).await.json().await.unwrap();
    let deputy = product.client_with_key(text(&issued, "key")).unwrap();
    let by_deputy: Value = issue(&deputy, json!({ "name": "user" })).await.json().await.unwrap();
    assert_eq!(text(&by_deputy, "created_by"), format!("key:{}", text(&issued, "id")));
    let user = product.client_with_key(text(&by_deputy, "key")).unwrap();
    let refused: Value = user.get("/api/v1/admin/keys").await.unwrap().json().await.unwrap();
    assert_eq!(refused["message"], "Invalid admin API key");
    let path = format!("/api/v1/admin/keys/{}", text(&issued, "id"));
    assert_eq!(deputy.request(Method::DELETE, &path).send().await.unwrap().status(), 200);
    assert_eq!(deputy.get("/api/v1/admin/keys").await.unwrap().status(), 403);
    assert_eq!(user.get("/api/v1/jobs").await.unwrap().status(), 200, "who issued a key does not matter to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configured_key_development_still_lets_everybody_in() {
    let product = Product::setup().start().unwrap();
    let nobody = product.client().unwrap();
    let issued: Value = issue(&nobody, json!({ "name": "early" })).await.json().await.unwrap();
    assert_eq!(text(&issued, "created_by"), "anonymous");
    for client in
        [&nobody, &product.client_with_key(text(&issued, "key")).unwrap(), &product.client_with_key("any").unwrap()]
    {
        assert_eq!(client.get("/api/v1/jobs").await.unwrap().status(), 200);
        assert_eq!(client.get("/api/v1/admin/keys").await.unwrap().status(), 200);
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_terminal_issues_lists_and_revokes() {
    let product = product();
    let keys = |arguments: &[&str]| {
        let mut command = image2model().unwrap();
        command.arg("keys").args(arguments).args(["--url", product.url()]).env("ADMIN_API_KEY", ADMIN);
        command.output().unwrap()
    };
    assert!(said(&keys(&["list"])).contains("No keys have been issued."));
    let issued = keys(&["issue", "CI", "--role", "user", "--expires-in", "90d", "--per-minute", "5", "--json"]);
    assert_eq!(issued.status.code(), Some(0), "{}", said(&issued));
    let issued: Value = serde_json::from_slice(&issued.stdout).unwrap();
    assert_eq!((text(&issued, "name"), &issued["limits"]["per_minute"]), ("CI", &json!(5)));
    let shown = said(&keys(&["issue", "second"]));
    assert!(shown.contains("key: i2m_") && shown.contains("not shown again"), "{shown}");

    let listed = said(&keys(&["list"]));
    assert!(listed.contains("STATE") && listed.contains("CI") && listed.contains("second"), "{listed}");
    assert!(!listed.contains("i2m_"), "{listed}");
    let revoked = keys(&["revoke", text(&issued, "id")]);
    assert_eq!(revoked.status.code(), Some(0), "{}", said(&revoked));
    let listed: Value = serde_json::from_slice(&keys(&["list", "--json"]).stdout).unwrap();
    let states: Vec<&str> = listed["keys"].as_array().unwrap().iter().map(|key| text(key, "state")).collect();
    assert_eq!(states, ["active", "revoked"]);

    let unknown = keys(&["revoke", "nothing"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("Key not found"), "{}", said(&unknown));
    let wrong = keys(&["issue", "", "--key", ADMIN]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(said(&wrong).contains("\n  name: must be"), "{}", said(&wrong));
    assert_eq!(keys(&["issue", "x", "--expires-in", "soon"]).status.code(), Some(2));
    let refused = keys(&["list", "--key", "wrong"]);
    assert!(said(&refused).contains("Invalid admin API key"), "{}", said(&refused));
}

#[test]
fn keys_and_submit_find_their_keys_in_a_dotenv() {
    let product = product();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), format!("API_KEY=the-users-key-0123456789\nADMIN_API_KEY={ADMIN}\n"))
        .unwrap();
    let picture = folder.path().join("a.jpg");
    std::fs::write(&picture, image2model_tests::photo::jpeg(64, 64, 1).unwrap()).unwrap();
    let listed =
        image2model().unwrap().current_dir(folder.path()).args(["keys", "list", "--url", product.url()]).output();
    assert!(said(&listed.unwrap()).contains("No keys have been issued."));
    let mut submit = image2model().unwrap();
    let submitted =
        submit.current_dir(folder.path()).args(["submit", "--url", product.url(), "a.jpg"]).output().unwrap();
    assert_eq!(submitted.status.code(), Some(0), "{}", said(&submitted));
    assert!(folder.path().join("a.glb").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_ends_the_streams_that_it_opened() {
    let setup = Product::setup().with("ADMIN_API_KEY", ADMIN).with("JOB_ACCESS", "owner");
    let product = setup.start().unwrap();
    let admin = product.client_with_key(ADMIN).unwrap();
    let issued: Value = issue(&admin, json!({ "name": "the shop" })).await.json().await.unwrap();
    let user = product.client_with_key(text(&issued, "key")).unwrap();
    let picture = Upload::new("sim-slow.jpg", photo::jpeg(64, 64, 1).unwrap());
    let job = text(&user.upload(&[picture], &[]).await.unwrap(), "job_id").to_owned();
    let path = format!("/api/v1/status/stream/{job}");
    let (theirs, admins) = (user.get(&path).await.unwrap(), admin.get(&path).await.unwrap());
    assert_eq!((theirs.status(), admins.status()), (200.try_into().unwrap(), 200.try_into().unwrap()));

    let revoked = admin.request(Method::DELETE, &format!("/api/v1/admin/keys/{}", text(&issued, "id"))).send().await;
    assert!(revoked.unwrap().status().is_success());
    let ended = tokio::time::timeout(Duration::from_secs(5), theirs.text()).await;
    assert!(ended.expect("the stream goes on after its key was revoked").unwrap().starts_with("retry: "));
    assert_eq!(user.get(&path).await.unwrap().status(), 403);
    let admins = tokio::time::timeout(Duration::from_secs(1), admins.text()).await;
    assert!(admins.is_err(), "another caller's stream ended as well");
}
