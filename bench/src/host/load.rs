//! A closed-loop load that costs little itself: so many connections, each with one request under way, requests written as
//! they are, answers read to their last byte and not kept. One thread, so that it can be given a core of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::figures::quantile;

/// What one answer's head may take.
const MOST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 32;
/// What is read at a time.
const READ: usize = 64 * 1024;

/// A request and what its answer must be.
#[derive(Clone)]
pub struct Ask {
    bytes: Vec<u8>,
    /// Bytes of the answer's body, where they are known.
    answer: Option<usize>,
}

impl Ask {
    /// A `GET` of a path.
    pub fn get(path: &str) -> Self {
        Self { bytes: format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes(), answer: None }
    }

    /// A `POST` of so many bytes, answered with so many, if that is known.
    pub fn post(path: &str, size: usize, answer: Option<usize>) -> Self {
        let mut bytes = format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {size}\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + size, b'x');
        Self { bytes, answer }
    }
}

/// What a run gave.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Answers a second.
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Answers in all.
    pub answers: usize,
}

impl Figures {
    fn of(times: &[Duration], length: Duration) -> Self {
        let all: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        let (answers, per_second) = (all.len(), all.len() as f64 / length.as_secs_f64());
        Self { per_second, p50: quantile(all.clone(), 0.5), p99: quantile(all, 0.99), answers }
    }
}

/// Asks over and over. An answer other than 200, or of another length than it must have, ends the run.
pub fn run(address: &str, ask: &Ask, connections: usize, length: Duration) -> anyhow::Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let started = Instant::now();
        let clients = (0..connections).map(|_| client(address, ask, started + length));
        let mut times = Vec::new();
        for of_one in futures::future::join_all(clients).await {
            times.extend(of_one?);
        }
        Ok(Figures::of(&times, started.elapsed()))
    })
}

/// The same from within a runtime, on a thread of its own.
pub async fn run_apart(address: &str, ask: &Ask, connections: usize, length: Duration) -> anyhow::Result<Figures> {
    let (address, ask) = (address.to_owned(), ask.clone());
    tokio::task::spawn_blocking(move || run(&address, &ask, connections, length)).await?
}

async fn client(address: &str, ask: &Ask, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (reading, mut writing) = socket.split();
    let mut answers = Answers { from: reading, buffer: vec![0; READ].into_boxed_slice(), start: 0, end: 0 };
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        // An answer may begin before the request has been taken whole.
        let (sent, size) = tokio::join!(writing.write_all(&ask.bytes), answers.next());
        sent?;
        let size = size?;
        ensure!(ask.answer.is_none_or(|wanted| wanted == size), "an answer of {size} bytes");
        times.push(started.elapsed());
    }
    Ok(times)
}

/// How the end of a body is told.
enum Body {
    Length(usize),
    Chunked,
}

/// Answers as they come over one connection.
struct Answers<R> {
    from: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: AsyncRead + Unpin> Answers<R> {
    /// Reads the next one; answers how long its body was.
    async fn next(&mut self) -> anyhow::Result<usize> {
        match self.head().await? {
            Body::Length(length) => self.skip(length).await.map(|()| length),
            Body::Chunked => self.chunks().await,
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    async fn head(&mut self) -> anyhow::Result<Body> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut head = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = head.parse(self.unread())? {
                ensure!(head.code == Some(200), "an answer was {:?}", head.code);
                let body = body_of(head.headers)?;
                self.start += length;
                return Ok(body);
            }
            ensure!(self.unread().len() < MOST_HEAD, "an answer's head does not end");
            self.more().await?;
        }
    }

    async fn skip(&mut self, mut length: usize) -> anyhow::Result<()> {
        loop {
            let here = length.min(self.end - self.start);
            self.start += here;
            length -= here;
            if length == 0 {
                return Ok(());
            }
            self.more().await?;
        }
    }

    async fn chunks(&mut self) -> anyhow::Result<usize> {
        let mut whole = 0;
        loop {
            let size = match httparse::parse_chunk_size(self.unread()) {
                Ok(httparse::Status::Complete((length, size))) => {
                    self.start += length;
                    usize::try_from(size)?
                }
                Ok(httparse::Status::Partial) => {
                    self.more().await?;
                    continue;
                }
                Err(_) => bail!("no chunk"),
            };
            // With the end of the line after it; after the last chunk that of the body.
            self.skip(size + 2).await?;
            if size == 0 {
                return Ok(whole);
            }
            whole += size;
        }
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = self.from.read(room).await?;
        ensure!(read > 0, "the connection was closed");
        self.end += read;
        Ok(())
    }
}

fn body_of(headers: &[httparse::Header<'_>]) -> anyhow::Result<Body> {
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            return Ok(Body::Length(std::str::from_utf8(header.value)?.parse()?));
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(Body::Chunked);
        }
    }
    None.context("an answer without an end")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Vec<anyhow::Result<usize>> {
        // In pieces, as they may come.
        let (mut near, far) = tokio::io::duplex(7);
        let bytes = bytes.to_vec();
        tokio::spawn(async move { near.write_all(&bytes).await });
        let mut answers = Answers { from: far, buffer: vec![0; 256].into_boxed_slice(), start: 0, end: 0 };
        let mut read = Vec::new();
        loop {
            let next = answers.next().await;
            let over = next.is_err();
            read.push(next);
            if over {
                return read;
            }
        }
    }

    #[tokio::test]
    async fn answers_are_read_to_their_ends() {
        let known = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        let sizes = read(&[&known[..], chunked, known].concat()).await;
        let sizes: Vec<Option<usize>> = sizes.into_iter().map(Result::ok).collect();
        assert_eq!(sizes, [Some(5), Some(13), Some(5), None]);
    }

    #[tokio::test]
    async fn what_is_no_success_ends_it() {
        let read = read(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        assert!(read.first().unwrap().as_ref().unwrap_err().to_string().contains("503"));
    }
}
