//! Components that misbehave: their clients get a readable answer, everybody else notices nothing.

use std::time::{Duration, Instant};

use image2model_domain::browser_headers::Origins;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{App, Host};

/// A component with these limits, beside a healthy one.
pub async fn beside(limits: &str) -> Host {
    let limits = format!("[component.faults.tool.image2model]\n{limits}");
    App::new().route("/...", "faults", &limits).route("/hello", "hello", "").start().await
}

pub fn post(host: &Host, path: &str) -> http::Request<bytes::Bytes> {
    http::Request::post(host.url(path)).body(bytes::Bytes::new()).unwrap()
}

pub fn usage(host: &Host, id: &str) -> image2model_host::edge::UsageReport {
    host.edge.reports().into_iter().find(|report| report.id == id).unwrap().usage
}

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
async fn memory_and_the_stack_are_bounded() {
    let host = beside("memory_mb = 16").await;
    for path in ["/memory", "/recurse"] {
        let answer = host.get(path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (502, "COMPONENT_FAILED"), "{path}");
    }
    assert!(usage(&host, "faults").memory_denied >= 1);
    assert_eq!(host.get("/fine").await.text(), "fine");
    assert_eq!(host.get("/hello").await.text(), "hello");
}

/// What a guest has the host keep for it counts as its memory does, and what it has it make at once is no more than a turn.
#[tokio::test]
async fn what_the_host_does_for_a_guest_is_bounded() {
    let limits = "[component.http02.tool.image2model]\nmemory_mb = 64";
    let host = App::new().route("/...", "http02", limits).start().await;
    for (path, answer) in [("/fields/400", "400 fields"), ("/random/65536", "65536 bytes")] {
        assert_eq!(host.get(path).await.text(), answer);
    }
    for path in ["/fields/2000", "/random/65537"] {
        let ended = host.get(path).await;
        assert_eq!((ended.status, ended.problem().as_str()), (502, "COMPONENT_FAILED"), "{path}");
    }
    assert_eq!(usage(&host, "http02").traps, 2);
}

/// A call that is not waited for is a handle, of which the host keeps something for each.
#[tokio::test]
async fn what_a_guest_has_under_way_at_once_is_bounded_by_its_memory() {
    let host = beside("memory_mb = 16").await;
    assert_eq!(host.get("/wait/500").await.text(), "fine");
    let ended = host.get("/wait/20000").await;
    assert_eq!((ended.status, ended.problem().as_str()), (502, "COMPONENT_FAILED"));
    assert_eq!((usage(&host, "faults").traps, usage(&host, "faults").memory_denied), (1, 0));
}

#[tokio::test]
async fn an_answer_after_which_another_has_to_come_is_none() {
    let host = App::new().route("/...", "faults", "").start().await;
    let interim = host.get("/interim").await;
    assert_eq!((interim.status, interim.problem().as_str()), (502, "COMPONENT_FAILED"));
}

/// Ten requests that may each have an instance at a time, of which there are few; and two components, each of which leaves
/// some behind for later.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_too_small_makes_requests_wait_and_none_fail() {
    let mut app = App::new().route("/...", "faults", "").route("/hello", "hello", "");
    (app.serve.instances, app.serve.queue_wait) = (4, Duration::from_secs(20));
    let host = app.start().await;
    for _ in 0..2 {
        let slow = futures::future::join_all((0..10).map(|_| host.send(post(&host, "/slow"))));
        let hello = futures::future::join_all((0..10).map(|_| host.send(post(&host, "/hello"))));
        let (slow, hello) = tokio::join!(slow, hello);
        assert!(slow.iter().all(|answer| answer.text() == "fine"));
        assert!(hello.iter().all(|answer| answer.text() == "hello"));
    }
    assert_eq!((usage(&host, "faults").refused, usage(&host, "hello").refused), (0, 0));
    assert!(usage(&host, "faults").queued_ms > 0);
}

#[tokio::test]
async fn a_component_without_the_memory_to_start_is_not_served() {
    let app = App::new().route("/...", "faults", "[component.faults.tool.image2model]\nmemory_mb = 1");
    let error = app.load().await.err().unwrap().to_string();
    assert!(error.starts_with("line 11: component \"faults\"") && error.contains("2 MiB"), "{error}");
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
    assert_eq!(usage(&host, "faults").timeouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn computing_is_bounded_and_waiting_is_not_computing() {
    let host = beside("cpu_time_ms = 200").await;
    for _ in 0..3 {
        assert_eq!(host.get("/slow").await.text(), "fine");
    }
    let before = usage(&host, "faults").cpu_ms;
    let started = Instant::now();
    let cut = host.get("/loop").await;
    assert_eq!((cut.status, cut.problem().as_str()), (502, "COMPONENT_FAILED"));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let computed = usage(&host, "faults").cpu_ms - before;
    assert!((100..2000).contains(&computed), "{computed} ms");
    assert_eq!(usage(&host, "faults").cpu_exceeded, 1);
    assert_eq!(host.get("/fine").await.text(), "fine");
}

/// On one thread, where the turns of the others take longer than any guest may wait to be taken for one that was asleep.
#[tokio::test]
async fn each_of_many_that_compute_is_bounded() {
    let host = beside("cpu_time_ms = 50").await;
    let all = futures::future::join_all((0..60).map(|_| host.get("/loop"))).await;
    assert!(all.iter().all(|cut| (cut.status, cut.problem().as_str()) == (502, "COMPONENT_FAILED")));
    assert_eq!(usage(&host, "faults").cpu_exceeded, 60);
    assert_eq!(host.get("/hello").await.text(), "hello");
}

#[tokio::test]
async fn bodies_are_bounded_whether_their_length_is_said_or_not() {
    let limits = "[component.echo.tool.image2model]\nmax_body_bytes = 1000";
    let mut app = App::new().route("/...", "echo", limits);
    app.serve.origins = Origins::new(vec!["https://app.example".to_owned()]);
    let host = app.start().await;
    let post = |bytes: usize| {
        let request = http::Request::post(host.url("/count")).header("origin", "https://app.example");
        request.body(bytes::Bytes::from(vec![b'x'; bytes])).unwrap()
    };
    let taken = host.send(post(1000)).await;
    assert_eq!((taken.text().as_str(), taken.header("access-control-allow-origin")), ("1000", None), "its own to say");
    let refused = host.send(post(1001)).await;
    assert_eq!(refused.problem(), "HTTP_413");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example"));
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    let head = "POST /count HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("258\r\n{}\r\n", "x".repeat(0x258));
    stream.write_all(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(usage(&host, "echo").too_large, 2);
}

#[tokio::test]
async fn an_answer_without_end_is_ended() {
    let host = beside("stream_seconds = 1").await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let (started, mut answer) = (Instant::now(), Vec::new());
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("it goes on");
    assert!(answer.len() > 200 && started.elapsed() > Duration::from_millis(900), "{:?}", started.elapsed());
    assert_eq!(usage(&host, "faults").cut_off, 1);
    assert_eq!(host.get("/hello").await.text(), "hello");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let limits = "[component.echo.tool.image2model]\nmax_concurrent_requests = 1\nmax_queued_requests = 0\nqueue_wait_ms = 60000";
    let host = App::new().route("/...", "echo", limits).start().await;
    let mut held = TcpStream::connect(host.address).await.unwrap();
    held.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n").await.unwrap();
    let started = Instant::now();
    let refused = loop {
        let answer = host.get("/count").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "two at a time");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("60")));
    assert!(started.elapsed() < Duration::from_secs(5), "it waited");
    assert!(usage(&host, "echo").refused >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_bounded_by_line_and_by_time() {
    let host = beside("").await;
    assert_eq!(host.get("/print").await.text(), "fine");
    // What it prints is left out long before it would cost the guest the time that it may compute.
    assert_eq!(host.get("/flood").await.text(), "fine");
    assert_eq!(host.get("/hello").await.text(), "hello");
}

#[tokio::test]
async fn a_body_that_is_never_read_and_an_answer_that_is_none_hurt_nobody() {
    let host = beside("").await;
    let large = http::Request::post(host.url("/unread")).body(bytes::Bytes::from(vec![0; 3_000_000])).unwrap();
    assert_eq!(host.send(large).await.text(), "fine");
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"GET /malformed HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("it hangs");
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.starts_with("HTTP/1.1 200") || !answer.ends_with(&"x".repeat(1000)), "{answer}");
    for path in ["/fine", "/hello"] {
        assert_eq!(host.get(path).await.status, 200);
    }
}

/// On a connection that is kept, an answer's length is all that tells it from the next one.
#[tokio::test]
async fn an_answer_that_is_not_as_long_as_it_says_spoils_no_other() {
    let host = beside("").await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    let both = "GET /malformed HTTP/1.1\r\nhost: a\r\n\r\nGET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(both.as_bytes()).await.unwrap();
    let mut answers = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answers));
    read.await.expect("one waits for the rest of the other").unwrap();
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect();
    assert_eq!(statuses, ["502", "200"], "{answers}");
    assert!(answers.contains("COMPONENT_FAILED") && answers.ends_with("hello"), "{answers}");
}

/// A body says once that it has failed; nobody may take what comes after that for its end.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_at_once_is_no_answer() {
    let host = App::new().route("/...", "faults", "").route("/unfinished/...", "http02", "").start().await;
    for path in ["/broken/0", "/broken/1", "/unfinished/", "/unfinished/half"] {
        let answer = host.get(path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (502, "COMPONENT_FAILED"), "{path}: {}", answer.text());
    }
    assert_eq!(host.get("/fine").await.text(), "fine");
}

/// A place that takes connections and never answers: how many it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_opens_only_so_many_connections() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let open = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = open.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
            counted.store(held.len(), std::sync::atomic::Ordering::Relaxed);
        }
    });
    let allowed = format!(
        "allowed_outbound_hosts = [\"http://{address}\"]\n[component.outbound.tool.image2model]\nrequest_timeout_seconds = 4"
    );
    let host = App::new().route("/...", "outbound", &allowed).route("/hello", "hello", "").start().await;
    let many = host.send(post(&host, &format!("/many?http://{address}/")));
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(host.get("/hello").await.text(), "hello");
    };
    let (many, ()) = tokio::join!(many, others);
    assert_eq!(many.status, 504, "{}", many.text());
    assert!(open.load(std::sync::atomic::Ordering::Relaxed) <= 256, "{open:?} connections");
}

/// The handshake is part of connecting, and this place takes no part in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_may_say_how_long_connecting_takes() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let allowed = format!("allowed_outbound_hosts = [\"https://{address}\"]");
    let host = App::new().route("/...", "outbound", &allowed).start().await;
    host.get("/").await;
    let started = Instant::now();
    let impatient = host.get(&format!("/impatient?https://{address}/")).await.text();
    assert!(impatient.contains("ConnectionTimeout"), "{impatient}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_wildcard_does_not_lead_back_in() {
    let allowed = "allowed_outbound_hosts = [\"http://*:*\"]";
    let host = App::new().route("/...", "outbound", allowed).route("/hello", "hello", "").start().await;
    for place in ["127.0.0.1", "[::1]", "localhost", "169.254.169.254", "[::ffff:10.0.0.1]"] {
        let denied = host.get(&format!("/?http://{place}:{}/hello", host.address.port())).await.text();
        assert!(denied.contains("DestinationIpProhibited"), "{place}: {denied}");
    }
}
