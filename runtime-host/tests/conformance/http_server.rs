//! Requests in, answers out: headers, routes, bodies, native routes, overload, drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Body as _, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use image2model_host::edge::{NativeRoutes, NoRoutes, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Host};

#[tokio::test]
async fn answers_with_a_length_and_no_header_of_its_own() {
    let host = App::new().route("/hello", "hello", "").start().await;
    let answer = host.get("/hello").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date"]);
}

#[tokio::test]
async fn tells_components_what_spin_tells_them() {
    let host = App::new().route("/users/:User_Id/...", "request", "").start().await;
    let request = http::Request::get(host.url("/users/4%202/a/b?q=1"))
        .header("host", "shop.example:81")
        .header("spin-client-addr", "6.6.6.6:6")
        .header("spin-anything", "x")
        .body(Bytes::new())
        .unwrap();
    let answer = host.send(request).await;
    let text = answer.text();
    for line in [
        "uri: http://shop.example:81/users/4%202/a/b?q=1",
        "spin-full-url: http://shop.example:81/users/4%202/a/b?q=1",
        "spin-path-info: /a/b",
        "spin-matched-route: /users/:User_Id/...",
        "spin-raw-component-route: /users/:User_Id/...",
        "spin-component-route: /users/:User_Id",
        "spin-base-path: /",
        "spin-path-match-user-id: 4%202",
        "spin-client-addr: 127.0.0.1:",
    ] {
        assert!(text.contains(line), "{line} not in {text}");
    }
    assert!(!text.contains("6.6.6.6") && !text.contains("spin-anything"), "{text}");
    assert_eq!(answer.header("x-own"), Some("1"));
}

#[tokio::test]
async fn answers_what_no_component_does() {
    let host = App::new().route("/hello", "hello", "").start().await;
    let missing = host.get("/nothing").await;
    assert_eq!((missing.status, missing.problem().as_str()), (404, "HTTP_404"));
    let health = host.get("/.well-known/spin/health").await;
    assert_eq!((health.status, health.text().as_str()), (200, "OK"));
    let info: serde_json::Value = serde_json::from_slice(&host.get("/.well-known/spin/info").await.body).unwrap();
    assert_eq!(info["name"], "conformance");
}

/// As Spin has it: no component is asked for what is below its own place, nor told a slash at the end of its route.
#[tokio::test]
async fn keeps_spins_own_place_and_writes_routes_as_spin_does() {
    let host = App::new().route("/...", "hello", "").route("/shop/", "request", "").start().await;
    let below = host.get("/.well-known/spin/other").await;
    assert_eq!((below.status, below.problem().as_str()), (404, "HTTP_404"));
    assert_eq!(host.get("/.well-known/other").await.text(), "hello");
    let told = host.get("/shop/").await.text();
    for line in ["spin-matched-route: /shop\n", "spin-raw-component-route: /shop/\n"] {
        assert!(format!("{told}\n").contains(line), "{line} not in {told}");
    }
}

/// Whoever is in front may have gone by the other host (RFC 9112 section 3.2).
#[tokio::test]
async fn a_request_says_once_whom_it_is_for() {
    let host = App::new().route("/...", "hello", "").start().await;
    for (head, status) in [
        ("GET / HTTP/1.1\r\nhost: a\r\n", 200),
        ("GET / HTTP/1.1\r\nhost:\r\n", 200),
        ("GET / HTTP/1.0\r\n", 200),
        ("GET / HTTP/1.1\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n", 400),
    ] {
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.split(' ').nth(1) == Some(&status.to_string()), "{head:?} is answered {answer:?}");
    }
}

#[tokio::test]
async fn streams_large_bodies_both_ways() {
    let host = App::new().route("/...", "echo", "").start().await;
    let bytes = Bytes::from((0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect::<Vec<_>>());
    let echo = host.send(http::Request::post(host.url("/echo")).body(bytes.clone()).unwrap()).await;
    assert_eq!((echo.status, echo.body.len()), (200, bytes.len()));
    assert!(echo.body == bytes, "the bytes came back changed");
    let count = host.send(http::Request::post(host.url("/count")).body(bytes).unwrap()).await;
    assert_eq!(count.text(), "3000000");
}

/// Starts an upload and leaves it unfinished.
async fn unfinished_upload(host: &Host) -> TcpStream {
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nfirst").await.unwrap();
    stream
}

/// Asks until the answer has this status; the test ends by the harness's own time limit otherwise.
async fn until(host: &Host, path: &str, status: u16) -> crate::harness::Answer {
    for _ in 0..500 {
        let answer = host.get(path).await;
        if answer.status == status {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{path} never answered {status}");
}

#[tokio::test]
async fn refuses_what_it_has_no_place_for_and_recovers() {
    let mut app = App::new().route("/...", "echo", "");
    app.serve.max_requests = 1;
    app.serve.queue_wait = Duration::from_millis(10);
    let host = app.start().await;
    let upload = unfinished_upload(&host).await;
    let refused = until(&host, "/", 503).await;
    assert_eq!(refused.problem(), "OVERLOADED");
    assert!(refused.header("retry-after").is_some());
    // The client leaves in the middle: the component sees its body end, and its place is free again.
    drop(upload);
    until(&host, "/", 200).await;
}

#[tokio::test]
async fn finishes_what_is_in_work_when_told_to_stop() {
    let host = App::new().route("/...", "echo", "").start().await;
    host.get("/").await;
    let mut upload = unfinished_upload(&host).await;
    let mut probe = TcpStream::connect(host.address).await.unwrap();
    probe.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    probe.read_exact(&mut first).await.unwrap();
    host.shutdown.cancel();
    upload.write_all(&[b'x'; 995]).await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("1000"), "{answer}");
    host.server.await.unwrap();
    assert!(TcpStream::connect(host.address).await.is_err());
}

/// Its client was told that it is connected, by the kernel, before anybody had accepted it.
#[tokio::test]
async fn whoever_is_connected_when_the_port_closes_is_answered() {
    let host = App::new().route("/...", "hello", "").start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let told_to_stop = CancellationToken::new();
    told_to_stop.cancel();
    host.edge.serve(listener, Arc::new(NoRoutes), told_to_stop).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
}

/// It traps a while after it has answered, which shows that it was waited for.
#[tokio::test]
async fn finishes_what_goes_on_behind_an_answer_when_told_to_stop() {
    let host = App::new().route("/...", "faults", "").start().await;
    assert_eq!(host.get("/behind").await.text(), "fine");
    host.shutdown.cancel();
    host.server.await.unwrap();
    assert_eq!(host.edge.reports()[0].usage.traps, 1);
}

/// Over HTTP/2 the server leaves it to us that nothing follows such a head.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_body_by_its_kind_has_none_over_http2() {
    let more = "[[trigger.http]]\nroute = \"/static\"\nstatic_response = { body = \"moved\" }\n";
    let host = App::new().more(more).route("/...", "faults", "").route("/hello", "hello", "").start().await;
    let io = TokioIo::new(TcpStream::connect(host.address).await.unwrap());
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for (method, path, status, length) in [
        ("HEAD", "/drip", 200, None),
        ("HEAD", "/said", 200, Some("1000")),
        ("HEAD", "/malformed", 200, Some("1000")),
        ("HEAD", "/hello", 200, Some("5")),
        ("HEAD", "/static", 200, Some("5")),
        ("HEAD", "/.well-known/spin/health", 200, Some("2")),
        ("GET", "/none", 204, None),
    ] {
        let request = http::Request::builder().method(method).uri(host.url(path)).body(Empty::<Bytes>::new()).unwrap();
        let answer = requests.send_request(request).await.unwrap();
        let said = answer.headers().get("content-length").map(|length| length.to_str().unwrap());
        assert_eq!((answer.status().as_u16(), said), (status, length), "{path}");
        assert!(answer.body().is_end_stream(), "{method} {path} has a body");
    }
    let whole =
        requests.send_request(http::Request::get(host.url("/hello")).body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(whole.into_body().collect().await.unwrap().to_bytes(), "hello");
}

#[tokio::test]
async fn gives_up_requests_that_outlast_the_drain() {
    let mut app = App::new().route("/...", "echo", "");
    app.serve.drain = Duration::from_millis(50);
    let host = app.start().await;
    host.get("/").await;
    let _upload = unfinished_upload(&host).await;
    host.shutdown.cancel();
    host.server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn components_of_older_sdks_answer_as_well() {
    let host = App::new().route("/...", "http02", "").start().await;
    let post = http::Request::post(host.url("/a/b?q=1")).body(Bytes::from(vec![0; 200_000])).unwrap();
    assert_eq!(host.send(post).await.text(), "Method::Post /a/b?q=1 200000");
    let many = futures::future::join_all((0..20).map(|_| host.get("/x"))).await;
    assert!(many.iter().all(|answer| answer.text() == "Method::Get /x 0"));
}

#[tokio::test]
async fn a_route_may_have_its_answer_in_the_manifest() {
    let moved = "[[trigger.http]]\nroute = \"/old/...\"\nstatic_response = { status_code = 302, headers = { location = \"/new\" }, body = \"moved\" }\n";
    let host = App::new().more(moved).route("/...", "hello", "").start().await;
    let answer = host.get("/old/page").await;
    assert_eq!((answer.status, answer.header("location"), answer.text().as_str()), (302, Some("/new"), "moved"));
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "location"]);
    assert_eq!(host.get("/other").await.text(), "hello");
}

struct Clock;

impl NativeRoutes for Clock {
    fn takes(&self, head: &http::request::Parts) -> bool {
        head.uri.path() == "/events"
    }

    fn handle(&self, _: Request, client: SocketAddr) -> BoxFuture<'static, Response> {
        Box::pin(async move {
            let frames = stream::iter([client.ip().to_string(), " and more".to_owned()])
                .map(|text| Ok(Frame::data(Bytes::from(text))));
            Response::new(StreamBody::new(frames).boxed_unsync())
        })
    }
}

#[tokio::test]
async fn asks_native_routes_first() {
    let host = App::new().route("/...", "hello", "").start_with(Arc::new(Clock)).await;
    assert_eq!(host.get("/events").await.text(), "127.0.0.1 and more");
    assert_eq!(host.get("/other").await.text(), "hello");
}
