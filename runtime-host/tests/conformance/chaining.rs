//! Components that call each other, and those that stand in front of others.

use crate::harness::App;

const BOTH: &str = "allowed_outbound_hosts = [\"http://request.spin.internal\", \"http://hidden.spin.internal\"]";
const HIDDEN: &str = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"hidden\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn components_call_each_other_as_far_as_the_manifest_says() {
    let app = App::new().route("/...", "outbound", BOTH).route("/request/...", "request", "");
    let host = app.more(HIDDEN).component("hidden", "hello", "").component("library", "hello", "").start().await;
    let told = host.get("/text?http://request.spin.internal/a/b").await.text();
    for line in [
        "uri: http://localhost/a/b",
        "spin-full-url: http://localhost/a/b",
        "spin-path-info: /a/b",
        "spin-matched-route: /...",
        "spin-client-addr: 0.0.0.0:0",
    ] {
        assert!(told.contains(line), "{line} not in {told}");
    }
    assert!(!told.contains("spin.internal"), "{told}");
    assert_eq!(host.get("/text?http://hidden.spin.internal/").await.text(), "hello");
    assert_eq!(host.get("/?http://hidden.spin.internal/").await.text(), "200 5");
    let usage = |id: &str| host.edge.reports().into_iter().find(|report| report.id == id).unwrap();
    assert_eq!((usage("hidden").usage.requests, usage("hidden").routes.len()), (2, 0));
    for (denied, word) in [("library", "Denied"), ("nobody", "Denied")] {
        let answer = host.get(&format!("/?http://{denied}.spin.internal/")).await.text();
        assert!(answer.contains(word), "{denied}: {answer}");
    }
    // From outside nobody is called by these names.
    let outside = http::Request::get(host.url("/request/x")).header("host", "hidden.spin.internal");
    let told = host.send(outside.body(bytes::Bytes::new()).unwrap()).await.text();
    assert!(!told.contains("spin.internal") && told.contains("spin-full-url: http://127.0.0.1"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_circles_end_and_calls_take_places() {
    let all = "allowed_outbound_hosts = [\"http://*.spin.internal\"]";
    let few = format!("{all}\n[component.few.tool.image2model]\nmax_concurrent_requests = 3\nqueue_wait_ms = 50");
    let few_route = "[[trigger.http]]\nroute = \"/few/...\"\ncomponent = \"few\"\n";
    let app = App::new().route("/...", "outbound", all).route("/hello", "hello", "");
    let host = app.more(few_route).component("few", "outbound", &few).start().await;
    let circle = host.get("/again").await.text();
    assert!(circle.contains("LoopDetected"), "{circle}");
    assert_eq!(host.get("/text?http://hello.spin.internal/").await.text(), "hello");
    let missing = host.get("/?http://missing.spin.internal/").await.text();
    assert!(missing.contains("DestinationNotFound"), "{missing}");
    // A circle that needs more places than there are is told so, and hangs nobody.
    let refused = host.get("/few/again?few").await.text();
    assert!(refused.contains("OVERLOADED"), "{refused}");
    let few = host.edge.reports().into_iter().find(|report| report.id == "few").unwrap().usage;
    assert_eq!((few.requests, few.refused), (4, 1));
    assert_eq!(host.get("/text?http://hello.spin.internal/").await.text(), "hello");
}

fn in_front(middleware: &str, more: &str) -> App {
    let trigger = format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"request\"\ndependencies.middleware = [{middleware}]\n"
    );
    App::new().more(&trigger).component("request", "request", more).component("mw", "middleware", "")
}

const MARK: &str = "variables = { mark = \"m1\" }";

#[tokio::test(flavor = "multi_thread")]
async fn middleware_stands_in_front() {
    let twice = "{ component = \"mw\", inherit_configuration = [\"variables\"] }, \
        { component = \"mw\", inherit_configuration = false }";
    let plain = "[[trigger.http]]\nroute = \"/plain\"\ncomponent = \"request\"\n";
    let host = in_front(twice, MARK).more(plain).start().await;
    let answer = host.get("/a?q=1").await;
    let passed = |answer: &crate::harness::Answer| answer.headers.get_all("x-passed").iter().count();
    assert_eq!((answer.status, answer.header("x-own"), passed(&answer)), (200, Some("1"), 2));
    let told = answer.text();
    assert_eq!(told.matches("x-passed: request").count(), 2, "{told}");
    assert!(told.contains("spin-path-info: /a") && told.contains("?q=1"), "{told}");
    assert_eq!(passed(&host.get("/plain").await), 0);
    let stopped = host.get("/stopped").await;
    assert_eq!((stopped.status, stopped.text().as_str()), (403, "stopped"));
    assert_eq!(host.get("/mark").await.text(), "Ok(\"m1\")");
    let used = host.edge.reports().into_iter().find(|report| report.id == "mw").unwrap().used_by;
    assert_eq!(used, ["request"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn middleware_has_what_it_inherits_and_no_more() {
    let host = in_front("{ component = \"mw\", inherit_configuration = [] }", MARK).start().await;
    assert_eq!(host.get("/a").await.status, 200);
    let denied = host.get("/mark").await;
    assert_eq!((denied.status, denied.problem().as_str()), (502, "COMPONENT_FAILED"));
    drop(host);
    let error = in_front("{ component = \"mw\" }", MARK).load().await.err().unwrap();
    let text = error.to_string();
    assert_eq!(error.code(), "CAPABILITY_NOT_INHERITED", "{text}");
    assert!(text.starts_with("line 8: route \"/...\", middleware number 1") && text.contains("variables"), "{text}");
    let other = App::new()
        .more("[[trigger.http]]\nroute = \"/\"\ncomponent = \"http02\"\n")
        .more("dependencies.middleware = [{ component = \"mw\", inherit_configuration = [] }]\n")
        .component("http02", "http02", "")
        .component("mw", "middleware", "");
    let error = other.load().await.err().unwrap().to_string();
    drop(other);
    assert!(error.starts_with("line 8: ") && error.contains("does not export wasi:http/handler@0.3.0"), "{error}");
    let error = in_front("{ component = \"request\", inherit_configuration = [] }", "").load().await.err().unwrap();
    assert!(error.to_string().contains("does not import wasi:http/handler@0.3.0"), "{error}");
}
