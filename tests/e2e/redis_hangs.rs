//! A Redis that takes connections and never answers: whatever is asked, the answer is 503 with `Retry-After`, soon.
//!
//! The contract says within two seconds (Common to every route); what is allowed here is more, for machines that are busy.

use std::time::{Duration, Instant};

use futures::future::join_all;
use image2model_tests::client::{Upload, text};
use image2model_tests::{Client, Fleet, photo};
use reqwest::Method;
use serde_json::Value;

const ADMIN: &str = "the-admins-key-0123456789";
/// The contract's two seconds, and one for a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// One route of each component and of the host: where there is one, a route whose job is looked for before the guard is
/// asked, so that both wait.
fn one_of_each(job: &Value) -> Vec<(Method, String)> {
    let file = &job["files"][0];
    let (file, file_task) = (text(file, "file_id"), text(file, "task_id"));
    [
        format!("upload/status/{file}"),
        format!("status/tasks/{file_task}"),
        format!("status/tasks/{file_task}/stream"),
        format!("download/{}/all", text(job, "job_id")),
        "admin/keys".to_owned(),
    ]
    .map(|path| (Method::GET, format!("/api/v1/{path}")))
    .into()
}

/// Every way in which a path can name a job, and routes that name none.
fn all_kinds(job: &Value) -> Vec<(Method, String)> {
    let (id, task, file) = (text(job, "job_id"), text(job, "task_id"), text(&job["files"][0], "file_id"));
    let get = |path: String| (Method::GET, format!("/api/v1/{path}"));
    let mut all = one_of_each(job);
    all.extend([
        get(format!("upload/batch/{id}/status")),
        get("models/available".to_owned()),
        get(format!("models/job/{id}?wait=30")),
        get(format!("status/{id}")),
        get(format!("status/tasks/{task}/status")),
        get(format!("status/stream/{id}")),
        get("jobs".to_owned()),
        (Method::DELETE, format!("/api/v1/jobs/{id}")),
        get(format!("download/{id}/{file}/model")),
        get(format!("download/direct/{file}_model.glb")),
        get("admin/system-info".to_owned()),
        get("logs/statistics".to_owned()),
        (Method::POST, format!("/api/v1/admin/tasks/{id}/cancel")),
    ]);
    all
}

/// Asks once; says what is not as it should be.
async fn complaint(client: &Client, method: Method, path: &str) -> Option<String> {
    let asked = Instant::now();
    let answer = client.request(method.clone(), path).send().await.unwrap();
    let (status, took) = (answer.status().as_u16(), asked.elapsed());
    let hint = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let guarded = answer.headers().contains_key("content-security-policy");
    let body: Value = answer.json().await.unwrap_or_default();
    let fits = status == 503 && hint.is_some_and(|seconds| seconds > 0) && guarded && body["status_code"] == 503;
    (!fits || took > SOON).then(|| format!("{method} {path}: {status} after {took:?}, Retry-After {hint:?}: {body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_component_says_so_soon_and_goes_on_afterwards() {
    let setup = Fleet::setup().with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", ADMIN);
    let mut fleet = setup.start().unwrap();
    let admin = fleet.hosts()[0].client(Some(ADMIN)).unwrap();
    let picture = Upload::new("a.jpg", photo::jpeg(64, 64, 1).unwrap());
    let job = admin.upload(std::slice::from_ref(&picture), &[("process", "false")]).await.unwrap();
    let issued = admin.request(Method::POST, "/api/v1/admin/keys").json(&serde_json::json!({ "name": "x" })).send();
    let issued: Value = issued.await.unwrap().json().await.unwrap();
    // Each way of being known takes another number of steps: a configured key, an issued one, none, a wrong one.
    let keys = [Some(ADMIN), Some(text(&issued, "key")), None, Some("a-key-that-nobody-has")];
    let callers = keys.map(|key| fleet.hosts()[0].client(key).unwrap());
    // Every component has its connections already, its own and its guard's, and each of them hangs.
    for (method, path) in all_kinds(&job).iter().filter(|(method, _)| method == Method::GET) {
        let status = admin.request(method.clone(), &path.replace("?wait=30", "")).send().await.unwrap().status();
        assert!(!status.is_server_error(), "{path}: {status}");
    }

    fleet.redis().process().signal("STOP").unwrap();
    let mut wrong = Vec::new();
    for (round, paths) in [("first", one_of_each(&job)), ("then", all_kinds(&job)), ("at last", all_kinds(&job))] {
        let asked = paths.iter().map(|(method, path)| complaint(&admin, method.clone(), path));
        wrong.extend(join_all(asked).await.into_iter().flatten().map(|what| format!("{round}: {what}")));
    }
    let by_file = format!("/api/v1/upload/status/{}", text(&job["files"][0], "file_id"));
    for client in &callers {
        for path in [by_file.as_str(), "/api/v1/models/available", "/api/v1/jobs"] {
            wrong.extend(complaint(client, Method::GET, path).await);
        }
    }
    // What needs no Redis is there all the same.
    for path in ["/", "/health/live", "/openapi.json"] {
        let status = admin.get(path).await.unwrap().status();
        if status != 200 {
            wrong.push(format!("GET {path}: {status}"));
        }
    }
    let asked = Instant::now();
    let upload = admin.post_upload(&[picture], &[]).await.unwrap();
    if upload.status() != 503 || !upload.headers().contains_key("retry-after") || asked.elapsed() > SOON {
        wrong.push(format!("an upload: {} after {:?}", upload.status(), asked.elapsed()));
    }
    fleet.redis().process().signal("CONT").unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let status = format!("/api/v1/status/{}", text(&job, "job_id"));
    assert_eq!(admin.json(&status).await.unwrap()["job_id"], job["job_id"]);
}
