//! Who may do what with whose job: every job route, every kind of caller, both policies (`JOB_ACCESS`).
//!
//! One fleet: a host with `JOB_ACCESS=open` and one with `owner` on the same Redis, so that both judge the same jobs. The
//! tables are the contract's (Auth, Ownership); what a route answers whoever may use it is in `ROUTES`.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use image2model_domain::{JobId, access_token, share_token};
use image2model_tests::client::{Upload, session_of, text};
use image2model_tests::tables::route_tables;
use image2model_tests::{Client, Fleet, photo};
use reqwest::Method;
use serde_json::{Value, json};

const ADMIN: &str = "the-admins-key-0123456789";
const TOKEN_SECRET: &str = "the-token-secret-of-the-fleet";

/// Where the next request comes from; the first is 10.0.0.0.
static ADDRESSES: AtomicU32 = AtomicU32::new(0x0a00_0000);

/// What a route asks of a caller without a key: nothing more than the job's id, or a key all the same.
#[derive(Clone, Copy, PartialEq)]
enum Keyless {
    IdIsEnough,
    NeedsKey,
}

struct Route {
    method: Method,
    /// `{job}`, `{task}`, `{file}`, `{file_task}`, `{name}` stand for the owner's job.
    path: &'static str,
    body: Option<&'static str>,
    keyless: Keyless,
    /// Whoever may use it is answered one of these.
    allowed: &'static [u16],
}

const fn get(path: &'static str, allowed: &'static [u16]) -> Route {
    Route { method: Method::GET, path, body: None, keyless: Keyless::IdIsEnough, allowed }
}

const fn with_key(path: &'static str, body: &'static str) -> Route {
    Route { method: Method::POST, path, body: Some(body), keyless: Keyless::NeedsKey, allowed: &[422] }
}

const ROUTES: &[Route] = &[
    get("/api/v1/status/{job}", &[200]),
    get("/api/v1/status/jobs/{job}", &[200]),
    get("/api/v1/status/jobs/{job}/progress", &[200]),
    get("/api/v1/status/tasks/{task}", &[200]),
    get("/api/v1/status/tasks/{task}/status", &[200]),
    get("/api/v1/status/stream/{job}", &[200]),
    get("/api/v1/status/tasks/{task}/stream", &[200]),
    // A file has a task of its own, which is a part of its job's.
    get("/api/v1/status/tasks/{file_task}", &[200]),
    get("/api/v1/status/tasks/{file_task}/status", &[200]),
    get("/api/v1/status/tasks/{file_task}/stream", &[200]),
    get("/api/v1/upload/status/{file}", &[200]),
    get("/api/v1/upload/batch/{job}/status", &[200]),
    get("/api/v1/download/{job}/all", &[200]),
    get("/api/v1/download/{job}/all?format=zip", &[200]),
    get("/api/v1/download/{job}/{file}/model", &[200, 302]),
    get("/api/v1/download/{job}/{file}/model?stream=1", &[200]),
    get("/api/v1/download/{job}/{file}/preview", &[200, 302]),
    get("/api/v1/download/{job}/{file}/original", &[200]),
    get("/api/v1/download/{job}/{file}/thumbnail", &[200]),
    get("/api/v1/download/{job}/{name}", &[200, 302]),
    // A name that begins with a file's id; any other is looked for among the caller's own.
    get("/api/v1/download/direct/{file}_model.glb", &[200, 302]),
    get("/api/v1/models/job/{job}", &[200]),
    // With a model that nobody has, so that nothing is made: whose job it is is judged before.
    with_key("/api/v1/models/generate-single", r#"{"job_id": "{job}", "file_id": "{file}", "model": "none-such"}"#),
    with_key("/api/v1/models/generate", r#"{"file_id": "{file}", "model_type": "none-such"}"#),
    // Of a job that has a model of every image: there is nothing to retry.
    Route {
        method: Method::POST,
        path: "/api/v1/jobs/{job}/retry",
        body: None,
        keyless: Keyless::IdIsEnough,
        allowed: &[409],
    },
    // Of a job that has ended: cancelling changes nothing.
    Route {
        method: Method::DELETE,
        path: "/api/v1/jobs/{job}",
        body: None,
        keyless: Keyless::IdIsEnough,
        allowed: &[202],
    },
    Route {
        method: Method::POST,
        path: "/api/v1/jobs/{job}/share",
        body: None,
        keyless: Keyless::IdIsEnough,
        allowed: &[201],
    },
    Route {
        method: Method::DELETE,
        path: "/api/v1/jobs/{job}/files/{file}",
        body: None,
        keyless: Keyless::IdIsEnough,
        allowed: &[202],
    },
];

/// Whoever may use it takes the shared links from the others.
const WITHDRAW: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/jobs/{job}/share",
    body: None,
    keyless: Keyless::IdIsEnough,
    allowed: &[200],
};

/// Whoever may use it leaves nothing for the others.
const ERASE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/jobs/{job}/data",
    body: None,
    keyless: Keyless::IdIsEnough,
    allowed: &[200],
};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Caller {
    OwnerKey,
    OtherKey,
    NoKey,
    Admin,
    IssuedAdmin,
    ExpiredToken,
    GoodToken,
    TokenOfAnotherJob,
    ForgedToken,
    SharedLink,
    ExpiredLink,
    WithdrawnLink,
    ForgedLink,
    RevokedKey,
    ExpiredKey,
    WrongKey,
    NotBearer,
    OtherKeyWithGoodToken,
    OwnerSession,
    OtherSession,
    SessionFromElsewhere,
    SessionOfRevokedKey,
}

const CALLERS: [Caller; 22] = [
    Caller::OwnerKey,
    Caller::OtherKey,
    Caller::NoKey,
    Caller::Admin,
    Caller::IssuedAdmin,
    Caller::ExpiredToken,
    Caller::GoodToken,
    Caller::TokenOfAnotherJob,
    Caller::ForgedToken,
    Caller::SharedLink,
    Caller::ExpiredLink,
    Caller::WithdrawnLink,
    Caller::ForgedLink,
    Caller::RevokedKey,
    Caller::ExpiredKey,
    Caller::WrongKey,
    Caller::NotBearer,
    Caller::OtherKeyWithGoodToken,
    Caller::OwnerSession,
    Caller::OtherSession,
    Caller::SessionFromElsewhere,
    Caller::SessionOfRevokedKey,
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Access {
    Open,
    Owner,
}

/// The code of the refusal (all are 403), or `None` for whoever may.
fn expected(caller: Caller, access: Access, route: &Route) -> Option<&'static str> {
    use Caller::*;
    match caller {
        OwnerKey | Admin | IssuedAdmin | OtherKeyWithGoodToken | OwnerSession => None,
        OtherKey | OtherSession => Some("ACCESS_DENIED"),
        SessionFromElsewhere => Some("CROSS_SITE_REQUEST"),
        RevokedKey | ExpiredKey | WrongKey => Some("INVALID_API_KEY"),
        NotBearer => Some("NOT_AUTHENTICATED"),
        _ if route.keyless == Keyless::NeedsKey => Some("NOT_AUTHENTICATED"),
        GoodToken => None,
        // A link is for looking.
        SharedLink if route.method == Method::GET => None,
        NoKey | ExpiredToken | TokenOfAnotherJob | ForgedToken | SharedLink | ExpiredLink | WithdrawnLink
        | ForgedLink | SessionOfRevokedKey => match access {
            Access::Open => None,
            Access::Owner => Some("NOT_AUTHENTICATED"),
        },
    }
}

/// The same for a job that does not exist: who is refused for what they present is refused all the same.
fn expected_of_nothing(caller: Caller, route: &Route) -> (u16, &'static str) {
    match expected(caller, Access::Open, route) {
        Some(code) if code != "ACCESS_DENIED" => (403, code),
        _ => (404, "JOB_NOT_FOUND"),
    }
}

/// The owner's job, and what the callers present.
struct Scene {
    job: String,
    task: String,
    file: String,
    file_task: String,
    name: String,
    owner: String,
    other: String,
    issued_admin: String,
    revoked: String,
    expired: String,
    good_token: String,
    expired_token: String,
    token_of_another_job: String,
    shared_link: String,
    expired_link: String,
    withdrawn_link: String,
    owners_session: String,
    others_session: String,
    revoked_session: String,
}

impl Scene {
    fn filled(&self, text: &str) -> String {
        let pairs = [
            ("{job}", &self.job),
            ("{task}", &self.task),
            ("{file}", &self.file),
            ("{file_task}", &self.file_task),
            ("{name}", &self.name),
        ];
        pairs.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// The `Authorization` header and the access token that a caller sends.
    fn credentials(&self, caller: Caller) -> (Option<String>, Option<String>) {
        let bearer = |key: &str| Some(format!("Bearer {key}"));
        match caller {
            Caller::OwnerKey => (bearer(&self.owner), None),
            Caller::OtherKey => (bearer(&self.other), None),
            Caller::NoKey => (None, None),
            Caller::Admin => (bearer(ADMIN), None),
            Caller::IssuedAdmin => (bearer(&self.issued_admin), None),
            Caller::ExpiredToken => (None, Some(self.expired_token.clone())),
            Caller::GoodToken => (None, Some(self.good_token.clone())),
            Caller::TokenOfAnotherJob => (None, Some(self.token_of_another_job.clone())),
            Caller::ForgedToken => (None, Some(self.good_token.replacen('.', ".0", 1))),
            Caller::SharedLink => (None, Some(self.shared_link.clone())),
            Caller::ExpiredLink => (None, Some(self.expired_link.clone())),
            Caller::WithdrawnLink => (None, Some(self.withdrawn_link.clone())),
            Caller::ForgedLink => (None, Some(self.shared_link.replacen('.', ".0", 1))),
            Caller::RevokedKey => (bearer(&self.revoked), None),
            Caller::ExpiredKey => (bearer(&self.expired), None),
            Caller::WrongKey => (bearer("a-key-that-nobody-has"), None),
            Caller::NotBearer => (Some("Basic b3duZXI6a2V5".to_owned()), None),
            Caller::OtherKeyWithGoodToken => (bearer(&self.other), Some(self.good_token.clone())),
            Caller::OwnerSession
            | Caller::OtherSession
            | Caller::SessionFromElsewhere
            | Caller::SessionOfRevokedKey => (None, None),
        }
    }

    /// The cookie that a caller's browser sends, and how it says its page stands to the service.
    fn session(&self, caller: Caller) -> Option<(&str, &'static str)> {
        match caller {
            Caller::OwnerSession => Some((&self.owners_session, "same-origin")),
            Caller::OtherSession => Some((&self.others_session, "same-origin")),
            Caller::SessionFromElsewhere => Some((&self.owners_session, "same-site")),
            Caller::SessionOfRevokedKey => Some((&self.revoked_session, "same-origin")),
            _ => None,
        }
    }
}

async fn issue(admin: &Client, body: Value) -> Value {
    let answer = admin.request(Method::POST, "/api/v1/admin/keys").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

/// A finished job of the caller.
async fn job_of(client: &Client, name: &str) -> Value {
    let job = client.upload(&[Upload::new(name, photo::jpeg(200, 150, 1).unwrap())], &[]).await.unwrap();
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
    job
}

/// The token of a fresh link to the job.
async fn share(owner: &Client, job: &Value) -> String {
    let path = format!("/api/v1/jobs/{}/share", text(job, "job_id"));
    let answer = owner.request(Method::POST, &path).json(&json!({ "expires_in_seconds": 600 })).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    text(&answer.json().await.unwrap(), "access_token").to_owned()
}

async fn withdraw(owner: &Client, job: &Value) {
    let path = format!("/api/v1/jobs/{}/share", text(job, "job_id"));
    assert_eq!(owner.request(Method::DELETE, &path).send().await.unwrap().status(), 200);
}

fn fleet() -> Fleet {
    let setup = Fleet::setup().with("ENVIRONMENT", "production").with("ADMIN_API_KEY", ADMIN);
    let setup = setup.with("TRUSTED_PROXIES", "127.0.0.1");
    let mut fleet = setup.with("JOB_ACCESS", "open").start().unwrap();
    fleet.add("serve", &[("JOB_ACCESS", "owner")]).unwrap();
    fleet
}

async fn scene(fleet: &mut Fleet) -> Scene {
    let host = &fleet.hosts()[0];
    let admin = host.client(Some(ADMIN)).unwrap();
    let key = async |body: Value| text(&issue(&admin, body).await, "key").to_owned();
    let (owner, other) = (key(json!({ "name": "owner" })).await, key(json!({ "name": "other" })).await);
    let issued_admin = key(json!({ "name": "admin", "role": "admin" })).await;
    let expired = issue(&admin, json!({ "name": "expired", "expires_in_seconds": 60 })).await;
    let revoked = issue(&admin, json!({ "name": "revoked" })).await;
    let revoked_session = session_of(&host.client(Some(text(&revoked, "key"))).unwrap()).await.unwrap();
    let gone = admin.request(Method::DELETE, &format!("/api/v1/admin/keys/{}", text(&revoked, "id"))).send().await;
    assert_eq!(gone.unwrap().status(), 200);
    let as_owner = host.client(Some(&owner)).unwrap();
    let (job, another) = (job_of(&as_owner, "chair.jpg").await, job_of(&as_owner, "vase.jpg").await);
    let withdrawn_link = share(&as_owner, &job).await;
    withdraw(&as_owner, &job).await;
    let status = as_owner.json(&format!("/api/v1/download/{}/all", text(&job, "job_id"))).await.unwrap();
    let id = JobId::parse(text(&job, "job_id")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let a_minute_ago = now.saturating_sub(Duration::from_secs(60)).as_secs();
    // Instead of a minute's wait, the key's time is put back where it is kept.
    let hash = image2model_domain::api_key::hash_of(text(&expired, "key"));
    let mut redis = fleet.redis().connection().await.unwrap();
    let past = i64::try_from(a_minute_ago).unwrap() * 1000;
    let set: redis::RedisResult<i64> =
        redis::cmd("HSET").arg(format!("api_key:{hash}")).arg("expires_at").arg(past).query_async(&mut redis).await;
    assert_eq!(set.unwrap(), 0, "the field was there");
    Scene {
        task: text(&job, "task_id").to_owned(),
        file: text(&job["files"][0], "file_id").to_owned(),
        file_task: text(&job["files"][0], "task_id").to_owned(),
        name: text(&status["files"][0], "filename").to_owned(),
        good_token: text(&job, "access_token").to_owned(),
        expired_token: access_token::issue(TOKEN_SECRET, &id, a_minute_ago),
        token_of_another_job: text(&another, "access_token").to_owned(),
        shared_link: share(&as_owner, &job).await,
        expired_link: share_token::issue(TOKEN_SECRET, &id, a_minute_ago, 1),
        withdrawn_link,
        job: id.to_string(),
        owners_session: session_of(&as_owner).await.unwrap(),
        others_session: session_of(&fleet.hosts()[0].client(Some(&other)).unwrap()).await.unwrap(),
        revoked_session,
        owner,
        other,
        issued_admin,
        revoked: text(&revoked, "key").to_owned(),
        expired: text(&expired, "key").to_owned(),
    }
}

/// One request; its status and, when it is a refusal, its code.
async fn ask(scene: &Scene, client: &Client, caller: Caller, route: &Route, path: &str) -> (u16, String) {
    let (authorization, token) = scene.credentials(caller);
    let mark = if path.contains('?') { '&' } else { '?' };
    let path = token.map_or_else(|| path.to_owned(), |token| format!("{path}{mark}access_token={token}"));
    // Each from an address of its own: wrong keys are counted by address, and soon too many.
    let address = Ipv4Addr::from(ADDRESSES.fetch_add(1, Ordering::Relaxed)).to_string();
    let mut request = client.request(route.method.clone(), &path).header("x-forwarded-for", address);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    if let Some((cookie, site)) = scene.session(caller) {
        request = request.header("cookie", cookie).header("sec-fetch-site", site);
    }
    if let Some(body) = route.body {
        request = request.header("content-type", "application/json").body(scene.filled(body));
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let problem = answer.headers()["content-type"] == "application/problem+json";
    let body: Value = if problem { answer.json().await.unwrap() } else { Value::Null };
    (status, text(&body, "error_code").to_owned())
}

/// A path of [`ROUTES`], or a pattern of the components' tables, with one word for each kind of name and no query.
fn shape(path: &str) -> String {
    let word = |part: &str| {
        match part {
            "{job}" | ":job_id" | ":batch_id" => "JOB",
            "{task}" | "{file_task}" | ":task_id" => "TASK",
            "{file}" | ":file_id" => "FILE",
            "{name}" | ":filename" => "NAME",
            other if other.starts_with([':', '{']) => "NAME",
            other => other,
        }
        .to_owned()
    };
    path.split('?').next().unwrap_or_default().split('/').map(word).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_of_a_job_is_in_the_matrix() {
    let in_the_matrix: Vec<String> = ROUTES
        .iter()
        .chain([&WITHDRAW, &ERASE])
        .map(|route| format!("{} {}", route.method, shape(route.path)))
        .collect();
    let owned = route_tables().unwrap().into_iter().filter(|line| line.level == "Owner");
    let owned: Vec<String> = owned.map(|line| format!("{} {}", line.method, shape(&line.pattern))).collect();
    assert!(owned.len() >= 15, "{owned:?}");
    let missing: Vec<&String> = owned.iter().filter(|route| !in_the_matrix.contains(route)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_the_contract_names_and_nobody_else() {
    let mut fleet = fleet();
    let scene = scene(&mut fleet).await;
    let clients = fleet.clients(None).unwrap();
    let mut wrong = Vec::new();
    for (client, access) in clients.iter().zip([Access::Open, Access::Owner]) {
        for route in ROUTES {
            for caller in CALLERS {
                let (status, code) = ask(&scene, client, caller, route, &scene.filled(route.path)).await;
                let fits = match expected(caller, access, route) {
                    Some(refusal) => (status, code.as_str()) == (403, refusal),
                    None => route.allowed.contains(&status),
                };
                if !fits {
                    wrong.push(format!("{} {} {caller:?} {access:?}: {status} {code}", route.method, route.path));
                }
            }
        }
    }
    for (client, access) in clients.iter().zip([Access::Open, Access::Owner]) {
        for (route, caller) in [&WITHDRAW, &ERASE].into_iter().flat_map(|route| CALLERS.map(|caller| (route, caller))) {
            let Some(code) = expected(caller, access, route) else { continue };
            let answer = ask(&scene, client, caller, route, &scene.filled(route.path)).await;
            if answer != (403, code.to_owned()) {
                wrong.push(format!("{}: {caller:?} {access:?}: {answer:?}", route.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Withdrawn on one host, a link opens nothing on the others.
    let look = &ROUTES[0];
    let by_link = async || ask(&scene, &clients[1], Caller::SharedLink, look, &scene.filled(look.path)).await;
    assert_eq!(by_link().await.0, 200);
    let path = scene.filled(WITHDRAW.path);
    assert_eq!(ask(&scene, &clients[0], Caller::OwnerSession, &WITHDRAW, &path).await.0, 200);
    assert_eq!(by_link().await, (403, "NOT_AUTHENTICATED".to_owned()));
    let erase = async || ask(&scene, &clients[1], Caller::OwnerSession, &ERASE, &scene.filled(ERASE.path)).await;
    assert_eq!(erase().await.0, 200);
    assert_eq!(erase().await, (404, "JOB_NOT_FOUND".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_404_for_everybody() {
    let mut fleet = fleet();
    let mut scene = scene(&mut fleet).await;
    let nothing = JobId::from_random([9; 16]);
    scene.task = nothing.as_task_id();
    scene.file_task = nothing.as_task_id();
    scene.file = nothing.to_string();
    scene.job = nothing.to_string();
    let mut wrong = Vec::new();
    for client in fleet.clients(None).unwrap() {
        for route in ROUTES.iter().chain([&WITHDRAW, &ERASE]) {
            // Celery's way: a task that nobody knows is waiting.
            let answers_anyway = route.path.contains("/tasks/") && !route.path.ends_with("/stream");
            let by_file = route.path == "/api/v1/upload/status/{file}" || route.path.contains("/direct/");
            for caller in CALLERS {
                let (status, code) = ask(&scene, &client, caller, route, &scene.filled(route.path)).await;
                let fits = match expected_of_nothing(caller, route) {
                    (404, _) if answers_anyway => status == 200,
                    (404, _) if route.path.ends_with("/generate") => (status, code.as_str()) == (404, "FILE_NOT_FOUND"),
                    // No job to judge by: found to be missing before the key is looked at.
                    _ if by_file => (status, code.as_str()) == (404, "FILE_NOT_FOUND"),
                    (expected, code_expected) => (status, code.as_str()) == (expected, code_expected),
                };
                if !fits {
                    wrong.push(format!("{} {} {caller:?}: {status} {code}", route.method, route.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_opens_no_stream_on_any_host_from_the_moment_on() {
    let mut fleet = fleet();
    fleet.add_serving(1).unwrap();
    let admin = fleet.hosts()[0].client(Some(ADMIN)).unwrap();
    let issued = issue(&admin, json!({ "name": "soon gone" })).await;
    let clients = fleet.clients(Some(text(&issued, "key"))).unwrap();
    let picture = Upload::new("sim-slow.jpg", photo::jpeg(64, 64, 1).unwrap());
    let job = clients[0].upload(&[picture], &[]).await.unwrap();
    let path = format!("/api/v1/status/stream/{}", text(&job, "job_id"));
    for client in &clients {
        assert_eq!(client.get(&path).await.unwrap().status(), 200);
    }
    let key_path = format!("/api/v1/admin/keys/{}", text(&issued, "id"));
    let revoked: Value = admin.request(Method::DELETE, &key_path).send().await.unwrap().json().await.unwrap();
    for client in &clients {
        let refused = client.get(&path).await.unwrap();
        assert_eq!(refused.status(), 403);
        assert_eq!(refused.json::<Value>().await.unwrap()["message"], "Invalid API key");
    }
    let again: Value = admin.request(Method::DELETE, &key_path).send().await.unwrap().json().await.unwrap();
    assert_eq!((&again["state"], &again["revoked_at"]), (&json!("revoked"), &revoked["revoked_at"]));
}
