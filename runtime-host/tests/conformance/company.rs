//! What one request does to its instance, and those that are asked beside it: each gets its answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::{beside, post, usage};
use crate::harness::{Answer, Host};

fn said(answers: &[Answer]) -> Vec<String> {
    answers.iter().map(|answer| format!("{} {}", answer.status, answer.text())).collect()
}

async fn after(wait: u64, host: &Host, request: http::Request<bytes::Bytes>) -> u16 {
    tokio::time::sleep(Duration::from_millis(wait)).await;
    host.send(request).await.status
}

fn get(host: &Host, path: &str) -> http::Request<bytes::Bytes> {
    http::Request::get(host.url(path)).body(bytes::Bytes::new()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_takes_none_of_those_along_that_are_asked_beside_it() {
    let host = beside("").await;
    host.get("/fine").await;
    let slow = futures::future::join_all((0..15).map(|_| host.get("/slow")));
    let (slow, trap) = tokio::join!(slow, after(100, &host, get(&host, "/trap")));
    assert_eq!(trap, 502);
    assert_eq!(said(&slow), ["200 fine"; 15]);
    assert!(usage(&host, "faults").traps >= 1);
    assert_eq!(host.get("/hello").await.text(), "hello");
}

/// What may have had effects is never asked twice, so nothing may happen to it that it did not do itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_trap_takes_no_request_along_that_changes_something() {
    let host = beside("").await;
    host.send(post(&host, "/fine")).await;
    let slow = futures::future::join_all((0..15).map(|_| host.send(post(&host, "/slow"))));
    let traps = futures::future::join_all([
        after(50, &host, post(&host, "/trap")),
        after(100, &host, get(&host, "/trap")),
        after(150, &host, post(&host, "/recurse")),
    ]);
    let (slow, traps) = tokio::join!(slow, traps);
    assert_eq!(traps, [502; 3]);
    assert_eq!(said(&slow), ["200 fine"; 15]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_breaks_no_answer_off_that_is_still_being_made() {
    let host = beside("").await;
    let drips = futures::future::join_all((0..8).map(|_| host.get("/drip")));
    let traps = futures::future::join_all((1..6).map(|n| after(n * 70, &host, get(&host, "/trap"))));
    let (drips, traps) = tokio::join!(drips, traps);
    assert_eq!(traps, [502; 5]);
    assert!(drips.iter().all(|answer| answer.text() == "drop ".repeat(20)), "{:?}", said(&drips));
}

/// Whoever is to blame learns that its answer is not whole: it breaks off, and does not just end.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_trap_cuts_short_does_not_look_whole() {
    let host = beside("").await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"GET /half HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.starts_with("HTTP/1.1 200") || !answer.ends_with("0\r\n\r\n"), "{answer}");
    assert!(!answer.contains("content-length: 5\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_behind_an_answer_is_nobody_elses_fault() {
    let host = beside("").await;
    assert_eq!(host.send(post(&host, "/behind")).await.text(), "fine");
    let next = futures::future::join_all((0..3).map(|_| host.send(post(&host, "/slow"))));
    assert_eq!(said(&next.await), ["200 fine"; 3]);
    assert_eq!(usage(&host, "faults").traps, 1);
}

/// A loop keeps its own instance from everything; those beside it have theirs, and their answers long before it is cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_loop_keeps_nobody_waiting_that_is_asked_beside_it() {
    let host = beside("cpu_time_ms = 3000").await;
    host.get("/fine").await;
    let slow = async {
        let answers = futures::future::join_all((0..10).map(|_| host.get("/slow"))).await;
        (said(&answers), std::time::Instant::now())
    };
    let looping = async {
        let status = after(100, &host, get(&host, "/loop")).await;
        (status, std::time::Instant::now())
    };
    let ((slow, answered), (looping, cut)) = tokio::join!(slow, looping);
    assert_eq!((looping, slow), (502, vec!["200 fine".to_owned(); 10]));
    assert!(answered < cut, "they waited for the loop to be cut off");
    assert_eq!(usage(&host, "faults").traps, 1, "only the loop is one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_changes_something_is_used_again_when_it_is_at_rest() {
    let host = beside("").await;
    for _ in 0..20 {
        assert_eq!(host.send(post(&host, "/fine")).await.text(), "fine");
        // Until the guest's side of the answer has ended too.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let instances = usage(&host, "faults").instances;
    assert!(instances <= 3, "{instances} instances for one request at a time");
}
