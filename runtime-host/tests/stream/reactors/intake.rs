//! Which connections are taken over, and that the others are none the worse for having been looked at.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::PATIENCE;
use super::world::{World, plain};

/// A connection spoken to by hand.
struct Hand(TcpStream);

impl Hand {
    async fn to(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.unwrap())
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes, until it holds this.
    async fn until(&mut self, wanted: &str) -> String {
        let (mut text, mut piece) = (String::new(), [0; 4096]);
        let read = async {
            while !text.contains(wanted) {
                let n = self.0.read(&mut piece).await.unwrap();
                assert_ne!(n, 0, "closed after {text}");
                text.push_str(std::str::from_utf8(&piece[..n]).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
        text
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_may_come_in_pieces() {
    let world = World::new().await;
    let job = world.job(1).await;
    let mut hand = Hand::to(world.addr).await;
    for piece in get(&plain(&job)).as_bytes().chunks(7) {
        hand.say(std::str::from_utf8(piece).unwrap()).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let answer = hand.until("data: ").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.contains("transfer-encoding: chunked"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_gets_what_ends_with_its_connection() {
    let world = World::new().await;
    let job = world.finished().await;
    let mut hand = Hand::to(world.addr).await;
    hand.say(&format!("GET {} HTTP/1.0\r\n\r\n", plain(&job))).await;
    let mut all = String::new();
    tokio::time::timeout(PATIENCE, hand.0.read_to_string(&mut all)).await.unwrap().unwrap();
    assert!(all.contains("\"type\":\"job\"") && !all.contains("transfer-encoding"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_one_after_the_other_are_the_servers() {
    let world = World::new().await;
    let job = world.job(1).await;
    // Sent at once.
    let mut hand = Hand::to(world.addr).await;
    hand.say(&(get("/nowhere") + &get(&plain(&job)))).await;
    let answers = hand.until("data: ").await;
    assert!(answers.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answers}");
    assert!(answers.contains("HTTP/1.1 200 OK\r\n") && answers.contains("transfer-encoding: chunked"), "{answers}");
    // The second after the first was answered.
    let mut hand = Hand::to(world.addr).await;
    hand.say(&get("/nowhere")).await;
    hand.until("\"request_id\"").await;
    hand.say(&get(&plain(&job))).await;
    assert!(hand.until("data: ").await.contains("transfer-encoding: chunked"));
    // A stream with something after it: nobody reads that, and the stream goes on.
    let mut hand = Hand::to(world.addr).await;
    hand.say(&(get(&plain(&job)) + "GET / HTTP/1.1\r\n")).await;
    assert!(hand.until("data: ").await.contains("transfer-encoding: chunked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_stream_has_its_length_and_closes() {
    let world = World::new().await;
    let job = world.finished().await;
    let last = world.kept(&job).await.pop().unwrap();
    for (path, status) in [
        (format!("{}?last_event_id={last}", plain(&job)), "HTTP/1.1 204 No Content\r\n"),
        ("/api/v1/status/stream/nothing".to_owned(), "HTTP/1.1 404 Not Found\r\n"),
    ] {
        let mut hand = Hand::to(world.addr).await;
        hand.say(&get(&path)).await;
        let mut all = String::new();
        tokio::time::timeout(PATIENCE, hand.0.read_to_string(&mut all)).await.unwrap().unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        assert!(all.starts_with(status) && head.contains("\r\nconnection: close"), "{all}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(length.map_or(0, |length| length.parse().unwrap()), body.len(), "{all}");
    }
    assert_eq!(world.streams.stats().open, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_talks_too_much_is_let_go() {
    let world = World::new().await;
    let job = world.job(1).await;
    let mut hand = Hand::to(world.addr).await;
    hand.say(&get(&plain(&job))).await;
    hand.until("data: ").await;
    hand.say("a little is not minded").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.streams.stats().open, 1);
    // The server may close before all of it is sent.
    let _ = hand.0.write_all(&[b'x'; 1 << 20]).await;
    world.until_open(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_is_noticed_at_once() {
    let world = World::new().await;
    let job = world.job(1).await;
    let mut hands = Vec::new();
    for _ in 0..50 {
        let mut hand = Hand::to(world.addr).await;
        hand.say(&get(&plain(&job))).await;
        hand.until("data: ").await;
        hands.push(hand);
    }
    world.until_open(50).await;
    hands.drain(..25);
    world.until_open(25).await;
    drop(hands);
    world.until_open(0).await;
    assert!(world.streams.hub().is_empty());
}
