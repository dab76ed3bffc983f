//! One trace from the caller through the host, the component, the blob gateway and the worker, which is another process, as
//! a collector on this machine is sent it.

use std::collections::BTreeSet;

use image2model_tests::client::{Client, Upload, text};
use image2model_tests::otlp::{Collector, Span};
use image2model_tests::{Crew, photo};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

async fn upload(crew: &Crew, name: &str, traceparent: &str) -> Value {
    let photograph = Upload::new(name, photo::jpeg(96, 72, 1).unwrap());
    let client = crew.client().unwrap();
    let request = client.request(Method::POST, "/api/v1/upload/").header("traceparent", traceparent);
    let answer = request.multipart(Form::new().part("files", photograph.part().unwrap())).send().await.unwrap();
    let own = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    let upload: Value = answer.json().await.unwrap();
    client.ended(text(&upload, "job_id")).await.unwrap();
    serde_json::json!({ "job_id": upload["job_id"], "traceparent": own })
}

fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_one_trace_through_every_part() {
    let collector = Collector::start().await.unwrap();
    let variables = collector.environment();
    let change = |setup: image2model_tests::product::Setup| {
        variables.iter().fold(setup, |setup, (name, value)| setup.with(name, value.clone()))
    };
    let mut crew = Crew::start(change).await.unwrap();
    crew.staff(1).unwrap();

    let sent = format!("00-{TRACE}-{CALLER}-01");
    let made = upload(&crew, "chair.jpg", &sent).await;
    let parts = [
        "POST /api/v1/upload/...",
        "execute_wasm_component upload",
        "PUT",
        "PUT /uploads/...",
        "process file",
        "claim",
        "upload",
        "submit",
        "follow",
        "store",
        "EVALSHA",
        "EVALSHA intend",
        "EVALSHA bind",
        "EVALSHA complete",
    ];
    let spans = collector.until(TRACE, &parts).await.unwrap();

    let (server, guest) = (one(&spans, parts[0]), one(&spans, parts[1]));
    assert_eq!((&*server.service, server.kind, &*server.parent), ("image2model-serve", 2, CALLER));
    assert_eq!(server.attributes["http.response.status_code"], "200");
    assert_eq!(server.attributes["http.route"], "/api/v1/upload/...");
    assert_eq!(server.attributes["url.path"], "/api/v1/upload/");
    assert_eq!((&guest.parent, &*guest.attributes["component_id"]), (&server.id, "upload"));
    assert_eq!(made["traceparent"], format!("00-{TRACE}-{}-01", guest.id), "callers are told where they were answered");

    // The image, through the component's own client to the gateway.
    let of_image = |name: &str, attribute: &str| {
        let found =
            spans.iter().find(|span| span.name == name && span.attributes[attribute].ends_with("_original.jpg"));
        found.unwrap_or_else(|| panic!("no {name} in {spans:#?}")).clone()
    };
    let (put, stored) = (of_image("PUT", "url.full"), of_image("PUT /uploads/...", "url.path"));
    assert_eq!((put.kind, &put.parent, stored.kind, &stored.parent), (3, &guest.id, 2, &put.id));
    assert!(!put.attributes["url.full"].contains('?') && put.attributes["component_id"] == "upload");

    // What the component asked of Redis, itself or through the guard that is composed into it.
    let of_redis = |span: &&Span| span.attributes.contains_key("db.system.name");
    let asked: Vec<&Span> = spans.iter().filter(of_redis).filter(|span| span.service == "image2model-serve").collect();
    assert!(!asked.is_empty());
    let port = crew.line.port().to_string();
    for span in &asked {
        let said = |name: &str| &*span.attributes[name];
        assert_eq!((span.kind, &span.parent, said("component_id")), (3, &guest.id, "upload"), "{span:?}");
        assert_eq!((said("db.system.name"), said("db.operation.name")), ("redis", &*span.name));
        assert_eq!((said("server.address"), said("server.port")), ("127.0.0.1", &*port));
    }

    // The worker, by the job's record.
    let work = one(&spans, "process file");
    assert_eq!((&*work.service, work.kind, &work.parent), ("image2model-worker", 5, &guest.id));
    assert_eq!(
        (&*work.attributes["image2model.job_id"], &*work.attributes["image2model.outcome"]),
        (text(&made, "job_id"), "completed")
    );
    let steps: Vec<&Span> = spans.iter().filter(of_redis).filter(|span| span.service == work.service).collect();
    for step in ["intend", "bind", "complete"] {
        let named = |span: &&&Span| span.attributes["db.stored_procedure.name"] == step;
        let found = steps.iter().find(named).unwrap_or_else(|| panic!("no {step} in {steps:#?}"));
        assert_eq!((&found.parent, found.kind, &*found.name), (&work.id, 3, &*format!("EVALSHA {step}")));
    }
    // Processes go by the names that operators see elsewhere.
    let processes = crew.client().unwrap().json("/api/v1/admin/system-info").await.unwrap();
    for (list, span) in [("hosts", server), ("workers", work)] {
        let shown = processes[list].as_array().unwrap();
        assert!(shown.iter().any(|process| process["id"] == *span.instance), "{}: {shown:?}", span.instance);
    }
    let mut before = 0;
    for part in ["claim", "upload", "submit", "follow", "store"] {
        let span = one(&spans, part);
        assert_eq!((&span.parent, span.failed), (&work.id, false), "{part}");
        assert!(span.time.0 >= before && span.time.1 >= span.time.0 && span.time.0 >= work.time.0, "{part}: {span:?}");
        before = span.time.0;
    }
    assert_eq!(
        one(&spans, "submit").attributes["image2model.fal_request_id"],
        one(&spans, "store").attributes["image2model.fal_request_id"]
    );

    // Every part hangs on another, up to the caller.
    let ids: BTreeSet<&str> = spans.iter().map(|span| &*span.id).chain([CALLER]).collect();
    assert!(spans.iter().all(|span| ids.contains(&*span.parent)), "{spans:#?}");
    // What was handed over has nothing secret in it.
    let said = format!("{:?}", collector.all());
    for secret in ["the-blob-token-of-the-crew", "the-token-secret-of-the-crew", "sim-secret", "access_token"] {
        assert!(!said.contains(secret), "{secret}");
    }

    // What fails says why; what the caller does not record is not recorded.
    let failing = "5bf92f3577b34da6a3ce929d0e0e4736";
    upload(&crew, "sim-content-policy.jpg", &format!("00-{failing}-{CALLER}-01")).await;
    let spans = collector.until(failing, &["process file"]).await.unwrap();
    let work = one(&spans, "process file");
    assert_eq!((work.failed, &*work.attributes["error.type"]), (true, "CONTENT_POLICY_VIOLATION"));
    // A listener at a stream server that stands apart.
    let (_streams, url) = crew.beside("stream", &[]).unwrap();
    let listening = "7bf92f3577b34da6a3ce929d0e0e4736";
    let path = format!("/api/v1/status/stream/{}", text(&made, "job_id"));
    let request = Client::new(&url, None).unwrap().request(Method::GET, &path);
    let answer = request.header("traceparent", format!("00-{listening}-{CALLER}-01")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let spans = collector.until(listening, &["GET"]).await.unwrap();
    let span = one(&spans, "GET");
    assert_eq!((&*span.service, span.kind, &*span.parent), ("image2model-stream", 2, CALLER));
    assert_eq!((&*span.attributes["url.path"], &*span.attributes["http.response.status_code"]), (&*path, "200"));
    let silent = "6bf92f3577b34da6a3ce929d0e0e4736";
    upload(&crew, "chair.jpg", &format!("00-{silent}-{CALLER}-00")).await;
    assert!(collector.all().iter().all(|span| span.trace != silent));
}
