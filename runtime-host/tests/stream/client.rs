//! A client of event streams that forgets nothing: ids, names, data, hints and comments as they came.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Every wait ends by itself.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub name: Option<String>,
    pub data: Value,
}

impl Event {
    pub fn kind(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.data["type"].as_str().unwrap_or_default())
    }
}

/// An answer whose body is read event by event.
pub struct Client {
    pub status: u16,
    pub headers: http::HeaderMap,
    body: Incoming,
    text: String,
    pub retry: Vec<u64>,
    pub comments: usize,
}

/// Sends one request on a connection of its own.
pub async fn send(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Client {
    over(TcpStream::connect(addr).await.unwrap(), method, path, headers).await
}

/// Sends one request over this connection.
pub async fn over(stream: TcpStream, method: &str, path: &str, headers: &[(&str, &str)]) -> Client {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap();
    let (head, body) = response.into_parts();
    let (retry, text) = (Vec::new(), String::new());
    Client { status: head.status.as_u16(), headers: head.headers, body, text, retry, comments: 0 }
}

/// Opens a stream.
pub async fn listen(addr: SocketAddr, path: &str, last_event_id: Option<&str>) -> Client {
    let header = last_event_id.map(|id| ("last-event-id", id));
    send(addr, "GET", path, header.as_slice()).await
}

impl Client {
    /// The next event; `None` when the server has closed, or the connection broke.
    pub async fn next(&mut self) -> Option<Event> {
        // Around the whole, because heartbeats go on for as long as events do not come.
        tokio::time::timeout(PATIENCE, self.read()).await.expect("no event came")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = self.block(&block) {
                    return Some(event);
                }
            }
            let data = self.body.frame().await?.ok()?.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    fn block(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, None, None);
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("", _)) => self.comments += 1,
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                Some(("retry", value)) => self.retry.push(value.parse().unwrap()),
                _ => assert_eq!(line, "", "a line that is none of the format's"),
            }
        }
        data.map(|data| Event { id: id.expect("every event has an id"), name, data })
    }

    /// All events until the server closes.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// The next `n` events.
    pub async fn take(&mut self, n: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..n {
            events.push(self.next().await.expect("the stream ended early"));
        }
        events
    }

    /// The whole body of an answer that is no stream.
    pub async fn problem(mut self) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let mut bytes = Vec::new();
        while let Some(frame) = self.body.frame().await {
            bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// Their ids, in order.
pub fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}
