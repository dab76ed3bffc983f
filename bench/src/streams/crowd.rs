//! Many clients on one thread, which read what comes and note when. They cost about what it takes to read that.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::publisher::now;

/// What an event says before its time, and the digits of that.
const MARK: &[u8] = b"at=";
const DIGITS: usize = 19;
/// Bytes read at a time.
const PIECE: usize = 256 * 1024;

/// Lets this process and those it starts open as many connections as the system allows.
pub fn allow_many() -> anyhow::Result<()> {
    let most = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?)
}

/// Clients that listen.
pub struct Crowd {
    poll: Poll,
    clients: Vec<Client>,
}

struct Client {
    stream: TcpStream,
    /// The end of what was read, where an event may have been cut.
    rest: Vec<u8>,
}

/// What a crowd received.
#[derive(Default)]
pub struct Received {
    /// Of each delivery, milliseconds.
    pub latencies: Vec<f64>,
    /// From the first delivery to the last.
    pub took: Duration,
}

impl Crowd {
    /// Connects one client for each path, and waits until it has been told `begins`.
    pub fn gather(address: &str, paths: impl Iterator<Item = String>, begins: &[u8]) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for path in paths {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n")?;
            let (mut told, mut piece) = (Vec::new(), [0; 4096]);
            while memchr::memmem::find(&told, begins).is_none() {
                let n = stream.read(&mut piece)?;
                ensure!(n > 0, "no stream: {}", String::from_utf8_lossy(&told));
                told.extend_from_slice(piece.get(..n).unwrap_or_default());
            }
            stream.set_nonblocking(true)?;
            let fd = stream.as_raw_fd();
            poll.registry().register(&mut SourceFd(&fd), Token(clients.len()), Interest::READABLE)?;
            clients.push(Client { stream, rest: Vec::new() });
        }
        Ok(Self { poll, clients })
    }

    /// Together with another crowd.
    pub fn and(mut self, other: Self) -> anyhow::Result<Self> {
        for client in other.clients {
            let fd = client.stream.as_raw_fd();
            self.poll.registry().register(&mut SourceFd(&fd), Token(self.clients.len()), Interest::READABLE)?;
            self.clients.push(client);
        }
        Ok(self)
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Reads until so many events were delivered, or none for so long.
    pub fn listen(&mut self, expected: usize, patience: Duration) -> anyhow::Result<Received> {
        let mut received = Received::default();
        received.latencies.reserve(expected);
        let (mut events, mut piece) = (Events::with_capacity(4096), vec![0; PIECE]);
        let (mut first, mut last) = (None, Instant::now());
        while received.latencies.len() < expected && last.elapsed() < patience {
            self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                let client = self.clients.get_mut(event.token().0).context("no such client")?;
                let before = received.latencies.len();
                client.read(&mut piece, &mut received.latencies)?;
                if received.latencies.len() > before {
                    last = Instant::now();
                    first.get_or_insert(last);
                }
            }
        }
        received.took = first.map_or(Duration::ZERO, |first| last - first);
        Ok(received)
    }
}

impl Client {
    fn read(&mut self, piece: &mut [u8], latencies: &mut Vec<f64>) -> anyhow::Result<()> {
        loop {
            match self.stream.read(piece) {
                Ok(0) => anyhow::bail!("a stream was closed"),
                Ok(n) => self.look(piece.get(..n).unwrap_or_default(), latencies),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn look(&mut self, new: &[u8], latencies: &mut Vec<f64>) {
        let joined;
        let bytes = if self.rest.is_empty() {
            new
        } else {
            joined = [&*std::mem::take(&mut self.rest), new].concat();
            &joined
        };
        let (now, mut from) = (now(), 0);
        for at in memchr::memmem::find_iter(bytes, MARK) {
            let Some(digits) = bytes.get(at + MARK.len()..at + MARK.len() + DIGITS) else { break };
            let sent = digits.iter().fold(0_u64, |n, digit| n * 10 + u64::from(digit.saturating_sub(b'0')));
            latencies.push(now.saturating_sub(sent) as f64 / 1e6);
            from = at + MARK.len() + DIGITS;
        }
        let rest = bytes.get(from.max(bytes.len().saturating_sub(MARK.len() + DIGITS))..).unwrap_or_default();
        // Only what may be the beginning of a mark.
        if let Some(at) = rest.iter().position(|byte| *byte == b'a') {
            self.rest.extend_from_slice(rest.get(at..).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_cut_anywhere_is_counted_once() {
        let text = b"data: {\"a\":\"at=1000000000000000000;\"}\n\ndata: at at=1000000000000000000;";
        for cut in 0..text.len() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut client, mut latencies) = (Client { stream, rest: Vec::new() }, Vec::new());
            client.look(&text[..cut], &mut latencies);
            client.look(&text[cut..], &mut latencies);
            assert_eq!(latencies.len(), 2, "{cut}");
        }
    }
}
