//! Components that misbehave: their clients get a readable answer, everybody else notices nothing.

use std::time::Duration;

use crate::harness::App;

#[tokio::test]
async fn a_trap_ends_its_own_request_only() {
    let host = App::new().route("/...", "faults", "").start().await;
    let trap = host.get("/trap").await;
    assert_eq!((trap.status, trap.problem().as_str()), (502, "COMPONENT_FAILED"));
    assert_eq!(host.get("/fine").await.text(), "fine");
}

#[tokio::test]
async fn an_error_shows_nothing_of_the_inside() {
    let host = App::new().route("/...", "faults", "").start().await;
    let answer = host.get("/error").await;
    assert!(answer.status >= 500);
    assert!(!answer.text().contains("secret inside"), "{}", answer.text());
}

#[tokio::test]
async fn memory_is_bounded() {
    let host = App::new().route("/...", "faults", "[component.faults.tool.image2model]\nmemory_mb = 16").start().await;
    let answer = host.get("/memory").await;
    assert_eq!((answer.status, answer.problem().as_str()), (502, "COMPONENT_FAILED"));
    assert_eq!(host.get("/fine").await.text(), "fine");
}

/// One thread for everything: a guest that loops must still let the others have it.
#[tokio::test(flavor = "current_thread")]
async fn a_loop_is_cut_off_and_stops_nobody() {
    let mut app = App::new().route("/...", "faults", "").route("/hello", "hello", "");
    app.serve.request_timeout = Duration::from_millis(500);
    let host = app.start().await;
    let looping = host.get("/loop");
    let others = async {
        for _ in 0..5 {
            assert_eq!(host.get("/hello").await.text(), "hello");
        }
    };
    let (cut, ()) = tokio::join!(looping, others);
    assert_eq!((cut.status, cut.problem().as_str()), (504, "REQUEST_TIMEOUT"));
}

#[tokio::test]
async fn output_without_end_of_line_is_bounded() {
    let host = App::new().route("/...", "faults", "").start().await;
    assert_eq!(host.get("/print").await.text(), "fine");
}
