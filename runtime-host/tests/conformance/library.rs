//! Components that other components and native code ask: the guard, the providers; and what may not be composed.

use image2model_host::edge::CallError;
use image2model_host::edge::guard::{Budget, Facts, Level, Verdict};

use crate::harness::App;

const GUARDED: &str = "variables = { api_key = \"k1\" }\n[component.guarded.dependencies]\n\
    \"image2model:guard/guard@1.0.0\" = { component = \"guard\", inherit_configuration = [\"variables\"] }";

fn guarded() -> App {
    App::new().route("/", "guarded", GUARDED).component("guard", "guard", "")
}

pub fn facts(authorization: &str) -> Facts {
    Facts {
        method: "GET".into(),
        route: "/events/:id".into(),
        path: "/events/1".into(),
        level: Level::User,
        budget: Budget::Stream,
        request_id: "r".into(),
        traceparent: String::new(),
        authorization: Some(authorization.into()),
        cookie: None,
        origin: None,
        fetch_site: None,
        host: None,
        preflight_method: None,
        preflight_headers: None,
        client_address: "127.0.0.1".into(),
        forwarded_for: None,
        forwarded_proto: None,
        job_id: None,
        access_token: None,
    }
}

#[tokio::test]
async fn a_component_asks_its_guard() {
    let host = guarded().start().await;
    let ask =
        |key: &str| http::Request::get(host.url("/")).header("authorization", key).body(bytes::Bytes::new()).unwrap();
    let pass = host.send(ask("k1")).await;
    assert_eq!((pass.status, pass.text().as_str()), (200, "key:test"));
    assert_eq!(host.send(ask("wrong")).await.status, 401);
}

#[tokio::test]
async fn native_code_asks_the_same_guard() {
    let edge = guarded().load().await.unwrap();
    let guard = edge.guard("guarded").unwrap();
    let Verdict::Pass(pass) = guard.check(facts("k1")).await.unwrap() else { panic!("refused") };
    assert_eq!(pass.headers, [("x-route".to_owned(), "/events/:id".to_owned())]);
    let Verdict::Answer(answer) = guard.check(facts("k2")).await.unwrap() else { panic!("let through") };
    assert_eq!((answer.status, answer.problem.unwrap().code.as_str()), (401, "INVALID_API_KEY"));
    assert!(edge.guard("guard").is_err(), "the guard itself asks nobody");
}

#[tokio::test]
async fn a_guard_of_which_nobody_said_what_it_inherits_is_refused() {
    let unsaid = GUARDED.replace(", inherit_configuration = [\"variables\"]", "");
    let app = App::new().route("/", "guarded", &unsaid).component("guard", "guard", "");
    let error = app.load().await.err().unwrap();
    assert_eq!(error.code(), "CAPABILITY_NOT_INHERITED", "{error}");
    for word in ["line 12: ", "guarded", "guard", "inherit_configuration"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_guard_that_inherits_nothing_lets_nobody_pass() {
    let nothing = GUARDED.replace("\"variables\"", "");
    let host = App::new().route("/", "guarded", &nothing).component("guard", "guard", "").start().await;
    let request = http::Request::get(host.url("/")).header("authorization", "k1").body(bytes::Bytes::new()).unwrap();
    let denied = host.send(request).await;
    assert_eq!((denied.status, denied.problem().as_str()), (502, "COMPONENT_FAILED"));
}

#[tokio::test]
async fn a_missing_dependency_is_refused() {
    let error = App::new().route("/", "guarded", "").load().await.err().unwrap();
    assert!(error.to_string().contains("image2model:guard/guard"), "{error}");
}

#[tokio::test]
async fn a_component_with_a_route_must_answer_http() {
    let error = App::new().route("/", "guard", "").load().await.err().unwrap();
    assert!(error.to_string().contains("wasi:http/handler"), "{error}");
}

#[tokio::test]
async fn providers_are_asked_natively() {
    let edge = App::new().component("provider-test", "provider", "").load().await.unwrap();
    let providers = edge.providers().unwrap();
    assert_eq!(providers.len(), 1);
    let provider = providers[0].clone();
    assert_eq!(provider.component(), "provider-test");
    assert_eq!(provider.describe().await.unwrap().endpoint, "test/endpoint");
    assert_eq!(provider.request("{}", "http://i").await.unwrap().unwrap(), "{\"options\":{},\"image\":\"http://i\"}");
    assert_eq!(provider.result("{}", "http://m").await.unwrap().unwrap()[0].url, "http://m");
    assert_eq!(provider.result("{}", "").await.unwrap().unwrap_err().code, "NO_MODEL");
}

#[tokio::test]
async fn a_provider_that_never_returns_is_given_up() {
    let edge = App::new().component("provider-test", "provider", "").load().await.unwrap();
    let provider = edge.providers().unwrap()[0].clone();
    assert!(matches!(provider.request("loop", "").await, Err(CallError::TimedOut { .. })));
    assert!(provider.describe().await.is_ok());
}
