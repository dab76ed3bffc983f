//! The routes of a job, and what each answers to whoever may use it.

use reqwest::Method;

/// What a route asks of a caller without a key: nothing more than the job's id, or a key all the same.
#[derive(Clone, Copy, PartialEq)]
pub enum Keyless {
    IdIsEnough,
    NeedsKey,
}

pub struct Route {
    pub method: Method,
    /// `{job}`, `{task}`, `{file}`, `{file_task}`, `{name}` stand for the owner's job.
    pub path: &'static str,
    pub body: Option<&'static str>,
    pub keyless: Keyless,
    /// Whoever may use it is answered one of these.
    pub allowed: &'static [u16],
}

const fn get(path: &'static str, allowed: &'static [u16]) -> Route {
    Route { method: Method::GET, path, body: None, keyless: Keyless::IdIsEnough, allowed }
}

const fn with_key(path: &'static str, body: &'static str) -> Route {
    Route { method: Method::POST, path, body: Some(body), keyless: Keyless::NeedsKey, allowed: &[422] }
}

pub const ROUTES: &[Route] = &[
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
pub const WITHDRAW: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/jobs/{job}/share",
    body: None,
    keyless: Keyless::IdIsEnough,
    allowed: &[200],
};

/// Whoever may use it leaves nothing for the others.
pub const ERASE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/jobs/{job}/data",
    body: None,
    keyless: Keyless::IdIsEnough,
    allowed: &[200],
};

/// A path of [`ROUTES`], or a pattern of the components' tables, with one word for each kind of name and no query.
pub fn shape(path: &str) -> String {
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
