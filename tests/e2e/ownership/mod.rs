//! Who may do what with whose job: every job route, every kind of caller, both policies (`JOB_ACCESS`).
//!
//! One fleet: a host with `JOB_ACCESS=open` and one with `owner` on the same Redis, so that both judge the same jobs. The
//! tables are the contract's (Auth, Ownership): who may (`callers`), and what whoever may is answered (`routes`).

mod callers;
mod routes;
mod scene;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use callers::{Access, CALLERS, Caller, expected, expected_of_nothing};
use image2model_domain::JobId;
use image2model_tests::client::{Upload, text};
use image2model_tests::tables::route_tables;
use image2model_tests::{Client, Product, photo};
use reqwest::Method;
use routes::{ERASE, ROUTES, Route, WITHDRAW, shape};
use scene::{ADMIN, Scene, fleet, issue, scene};
use serde_json::{Value, json};

/// Where the next request comes from; the first is 10.0.0.0.
static ADDRESSES: AtomicU32 = AtomicU32::new(0x0a00_0000);

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
            let answers_anyway = route.path.contains("/tasks/");
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

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_needs_a_key_no_token_shuts_anybody_out() {
    let product = Product::setup().with("JOB_ACCESS", "owner").start().unwrap();
    let client = product.client().unwrap();
    let photograph = Upload::new("a.jpg", photo::jpeg(160, 120, 1).unwrap());
    let job = client.upload(&[photograph], &[]).await.unwrap();
    let id = text(&job, "job_id");
    client.ended(id).await.unwrap();
    for path in ["", "stream/"].map(|way| format!("/api/v1/status/{way}{id}")) {
        assert_eq!(client.get(&path).await.unwrap().status(), 200, "{path}");
        assert_eq!(client.get(&format!("{path}?access_token=bad")).await.unwrap().status(), 200, "{path}");
    }
    let share = format!("/api/v1/jobs/{id}/share");
    for method in [Method::POST, Method::DELETE] {
        let answer = client.request(method.clone(), &share).send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {}", answer.status());
        assert_eq!(answer.json::<Value>().await.unwrap()["opens_without_token"], true, "{method}");
    }
}
