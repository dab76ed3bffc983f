//! Clients that misbehave: that open connections without end, send slowly, read slowly, leave in the middle. The bounds are
//! set low and gone far beyond: what a host with ten thousand places does to twenty thousand connections, one with a hundred
//! does to two thousand, and the machine's own bounds stay out of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use image2model_processes::stranger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::{beside, post, usage};
use crate::harness::{App, Host};

async fn connect(host: &Host) -> TcpStream {
    TcpStream::connect(host.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_closes_its_own() {
    let mut app = App::new().route("/...", "faults", "").route("/hello", "hello", "");
    app.serve.max_connections = 100;
    let host = app.start().await;
    // One that is connected and quiet, and one that is being answered, both from before.
    let mut quiet = connect(&host).await;
    quiet.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut heard = [0; 512];
    assert!(quiet.read(&mut heard).await.unwrap() > 0);
    let drip = host.get("/drip");
    let connections = async {
        let mut held = Vec::new();
        for n in 0..2000 {
            held.extend(stranger::connect(host.address, "/hello", n).await.ok());
            if n % 200 == 0 {
                let started = Instant::now();
                assert_eq!(host.get("/hello").await.text(), "hello");
                assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
            }
        }
        held
    };
    let (drip, held) = tokio::join!(drip, connections);
    assert_eq!(drip.text(), "drop ".repeat(20), "what was being answered was closed");
    assert!(held.len() > 1900);
    quiet.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    quiet.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "one that had been there before was closed: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_before_there_is_an_answer_is_counted() {
    let host = beside("").await;
    for _ in 0..3 {
        let mut stream = connect(&host).await;
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let started = Instant::now();
    while usage(&host, "faults").requests < 3 {
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", usage(&host, "faults"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let usage = usage(&host, "faults");
    let left: Vec<_> = usage.answers.iter().map(|kind| (kind.status, kind.buckets.iter().sum::<u64>())).collect();
    assert_eq!((usage.requests, usage.errors, usage.active, left), (3, 0, 0, vec![(499, 3)]));
}

/// Two places, held by two that send nothing more, then by two that take nothing of their answers.
#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_and_readers_make_room_when_others_want_their_places() {
    let mut app = App::new().route("/...", "faults", "").route("/count", "echo", "");
    (app.serve.max_requests, app.serve.queue_wait) = (2, Duration::from_secs(3));
    let host = app.start().await;
    let mut senders = Vec::new();
    for _ in 0..2 {
        let mut sender = connect(&host).await;
        sender.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nfirst").await.unwrap();
        senders.push(sender);
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(host.send(post(&host, "/fine")).await.text(), "fine");
    let mut answers = Vec::new();
    for mut sender in senders {
        let mut answer = [0; 12];
        let read = tokio::time::timeout(Duration::from_millis(500), sender.read_exact(&mut answer)).await;
        answers.extend(read.ok().map(|_| String::from_utf8_lossy(&answer).into_owned()));
    }
    assert_eq!(answers, ["HTTP/1.1 503"], "one made room, and one was enough");

    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut reader = connect(&host).await;
        reader.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        reader.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        readers.push(reader);
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(host.send(post(&host, "/fine")).await.text(), "fine");
    drop(readers);
    assert_eq!((usage(&host, "faults").refused, usage(&host, "faults").made_room), (0, 1));
    assert_eq!((usage(&host, "echo").refused, usage(&host, "echo").made_room), (0, 1));
}

/// While nobody else wants its place, a slow client may take its time.
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_hurt_nobody_and_nobody_hurts_them() {
    let host = App::new().route("/...", "echo", "").route("/hello", "hello", "").start().await;
    let mut slow = connect(&host).await;
    slow.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 12\r\n\r\n")
        .await
        .unwrap();
    for _ in 0..12 {
        slow.write_all(b"x").await.unwrap();
        assert_eq!(host.get("/hello").await.text(), "hello");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("12"), "{answer}");
}

/// However a request progresses, its whole time is bounded, and with it the time for which it has its instance and place.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_request_that_drips() {
    let limits = "[component.echo.tool.image2model]\nrequest_deadline_seconds = 1\nmax_concurrent_requests = 1";
    let host = App::new().route("/...", "echo", limits).start().await;
    let mut drips = connect(&host).await;
    drips.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
    let (started, mut answer) = (Instant::now(), [0; 12]);
    loop {
        let _ = drips.write_all(b"x").await;
        if tokio::time::timeout(Duration::from_millis(100), drips.read_exact(&mut answer)).await.is_ok() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "it goes on");
    }
    assert_eq!((&answer, started.elapsed() >= Duration::from_millis(900)), (b"HTTP/1.1 408", true));
    assert_eq!(host.send(post(&host, "/count")).await.text(), "0", "its place is not free again");
    assert_eq!((usage(&host, "echo").timeouts, usage(&host, "echo").traps), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_take_nothing_with_them() {
    let mut app = App::new().route("/...", "faults", "").route("/count", "echo", "");
    (app.serve.max_requests, app.serve.queue_wait) = (4, Duration::from_secs(10));
    let host = app.start().await;
    for said in [
        &b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nfirst"[..],
        b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        for _ in 0..8 {
            let mut leaver = connect(&host).await;
            leaver.write_all(said).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    // All four places are free again.
    let all = futures::future::join_all((0..4).map(|_| host.send(post(&host, "/slow")))).await;
    assert!(all.iter().all(|answer| answer.text() == "fine"));
}

/// In the middle of an answer that has nothing to say for half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_in_the_middle_of_an_answer_gives_its_place_back() {
    let limits = "[component.faults.tool.image2model]\nrequest_deadline_seconds = 5\nmax_concurrent_requests = 4";
    let mut app = App::new().route("/...", "faults", limits);
    app.serve.queue_wait = Duration::from_secs(20);
    let host = app.start().await;
    let began = async |said: &str| {
        let mut leaver = connect(&host).await;
        leaver.write_all(said.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        leaver.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
    };
    for _ in 0..8 {
        began("GET /seldom HTTP/1.1\r\nhost: a\r\n\r\n").await;
    }
    let started = Instant::now();
    let all = futures::future::join_all((0..4).map(|_| host.send(post(&host, "/slow")))).await;
    assert!(all.iter().all(|answer| answer.text() == "fine"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // What may change something has as long as a request may take.
    let started = Instant::now();
    for _ in 0..4 {
        began("POST /seldom HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
    }
    assert_eq!(host.send(post(&host, "/fine")).await.text(), "fine");
    assert!((4..10).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert_eq!(usage(&host, "faults").traps, 0);
}

/// A client that falls silent is told that it is at fault, not that the component is.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_send_what_it_announced_was_too_slow() {
    let mut app = App::new().route("/...", "echo", "");
    app.serve.request_timeout = Duration::from_millis(500);
    let host = app.start().await;
    let mut silent = connect(&host).await;
    silent.write_all(b"POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nfirst").await.unwrap();
    let mut answer = String::new();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TOO_SLOW"), "{answer}");
}

async fn is_cut_off(host: &Host) {
    for _ in 0..1000 {
        if usage(host, "faults").cut_off == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the answer goes on");
}

/// What is made for it waits behind what it has not taken, so that the answer does not see its own end.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_disconnected_when_its_answer_has_lasted_too_long() {
    let host = beside("stream_seconds = 1").await;
    let mut taker = connect(&host).await;
    taker.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    is_cut_off(&host).await;
    let closed = async {
        while taker.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("the connection is kept");
    assert_eq!(host.get("/hello").await.text(), "hello");
}

/// Others share its connection: a proxy has one for many clients.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_http2_that_nobody_takes_is_reset_by_itself() {
    let host = beside("stream_seconds = 1").await;
    let io = TokioIo::new(connect(&host).await);
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let get = |path: &str| http::Request::get(host.url(path)).body(Empty::<Bytes>::new()).unwrap();
    let untaken = requests.send_request(get("/large")).await.unwrap();
    is_cut_off(&host).await;
    let hello = requests.send_request(get("/hello")).await.unwrap();
    assert_eq!(hello.into_body().collect().await.unwrap().to_bytes(), "hello");
    assert!(untaken.into_body().collect().await.is_err(), "the answer is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_client_takes_nothing_makes_room_for_others() {
    let mut app = App::new().route("/...", "faults", "").route("/hello", "hello", "");
    app.serve.max_connections = 1;
    let host = app.start().await;
    let mut stalls = connect(&host).await;
    stalls.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    stalls.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let hello = tokio::time::timeout(Duration::from_secs(20), host.get("/hello")).await;
    assert_eq!(hello.expect("it waits for a client that takes nothing").text(), "hello");
}
