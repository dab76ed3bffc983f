//! The servers that are measured, each a process of its own behind one interface: topics that are made, listened to and
//! published to, the way each of them wants it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use image2model_tests::process::{Process, root};
use image2model_tests::redis::{Redis, free_port};
use tokio::net::TcpStream;

use super::publisher::{Job, Publisher, now};
use crate::peer;

/// What an event of the peers is filled up to, so that it is as long as one of ours.
const PAYLOAD: usize = 190;
/// Until a peer listens.
const START_WITHIN: Duration = Duration::from_secs(20);

/// Whom to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `image2model stream` without its guard.
    Ours,
    /// What one writes first: axum's `Sse` over Tokio's `broadcast`, following the same Redis.
    Axum,
    /// nchan, a module of nginx; keeps messages in its own memory.
    Nchan,
    /// durable-streams, keeps messages in files without syncing them.
    DurableStreams,
}

impl Kind {
    /// All, ours first.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Axum, Self::Nchan, Self::DurableStreams];

    /// What it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "image2model",
            Self::Axum => "axum",
            Self::Nchan => "nchan",
            Self::DurableStreams => "durable-streams",
        }
    }

    /// What a client has been told when it listens.
    pub fn begins(self) -> &'static [u8] {
        match self {
            Self::Ours | Self::Axum => b"data: ",
            Self::Nchan | Self::DurableStreams => b"\r\n\r\n",
        }
    }
}

/// A running server.
pub struct Stand {
    pub kind: Kind,
    pub process: Process,
    pub address: String,
    hand: Hand,
    _folder: tempfile::TempDir,
}

/// How it is told what happens.
enum Hand {
    Redis(Publisher),
    Http(SendRequest<Full<Bytes>>),
}

/// Something to listen to.
pub enum Topic {
    Job(Job),
    Number(Kind, usize),
}

impl Topic {
    /// Where its events are.
    pub fn path(&self) -> String {
        match self {
            Self::Job(job) => job.path(),
            Self::Number(Kind::DurableStreams, number) => format!("/s/{number}?offset=now&live=sse"),
            Self::Number(_, number) => format!("/sub/{number}"),
        }
    }

    fn published_at(&self) -> String {
        match self {
            Self::Job(_) => String::new(),
            Self::Number(Kind::DurableStreams, number) => format!("/s/{number}"),
            Self::Number(_, number) => format!("/pub/{number}"),
        }
    }
}

impl Stand {
    /// Starts one.
    pub async fn open(kind: Kind, redis: &Redis) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (process, address) = match kind {
            Kind::Ours => peer::start("stream-server", &[&redis.url()])?,
            Kind::Axum => peer::start("stream-peer", &[&redis.url()])?,
            Kind::Nchan => nchan(&folder)?,
            Kind::DurableStreams => durable_streams(&folder)?,
        };
        let hand = match kind {
            Kind::Ours | Kind::Axum => Hand::Redis(Publisher::to(&redis.url())?),
            Kind::Nchan | Kind::DurableStreams => Hand::Http(connect(&address).await?),
        };
        Ok(Self { kind, process, address, hand, _folder: folder })
    }

    /// So many new topics.
    pub async fn topics(&mut self, n: usize) -> anyhow::Result<Vec<Topic>> {
        match &mut self.hand {
            Hand::Redis(publisher) => Ok(publisher.jobs(n).await?.into_iter().map(Topic::Job).collect()),
            Hand::Http(requests) => {
                let topics: Vec<Topic> = (0..n).map(|number| Topic::Number(self.kind, number)).collect();
                if self.kind == Kind::DurableStreams {
                    for topic in &topics {
                        send(requests, Method::PUT, &topic.published_at(), Bytes::new()).await?;
                    }
                }
                Ok(topics)
            }
        }
    }

    /// Publishes so many events of `size` bytes more than usual, one after the other, to each topic in turn.
    pub async fn publish(&mut self, topics: &[Topic], n: usize, every: Duration, size: usize) -> anyhow::Result<()> {
        let mut next = tokio::time::interval(every.max(Duration::from_nanos(1)));
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let filling = "x".repeat(size);
        for i in 0..n {
            if !every.is_zero() {
                next.tick().await;
            }
            let topic = topics.get(i % topics.len()).context("no topic")?;
            let message = format!("at={};{filling}", now());
            match (&mut self.hand, topic) {
                (Hand::Redis(publisher), Topic::Job(job)) => publisher.event(job, &message).await?,
                (Hand::Http(requests), topic) => {
                    let body = Bytes::from(format!("{message:x<PAYLOAD$}"));
                    send(requests, Method::POST, &topic.published_at(), body).await?;
                }
                (Hand::Redis(_), Topic::Number(..)) => anyhow::bail!("a topic of another server"),
            }
        }
        Ok(())
    }
}

fn nchan(folder: &tempfile::TempDir) -> anyhow::Result<(Process, String)> {
    let (at, address) = (folder.path().display(), format!("127.0.0.1:{}", free_port()?));
    let configuration = format!(
        "load_module /usr/lib/nginx/modules/ngx_nchan_module.so;\ndaemon off;\nmaster_process off;\npid {at}/pid;\n\
         error_log stderr;\nworker_rlimit_nofile 20000;\nevents {{ worker_connections 20000; }}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/f;\nuwsgi_temp_path {at}/u;\n\
         scgi_temp_path {at}/s;\nkeepalive_requests 10000000;\ntcp_nodelay on;\nserver {{\nlisten {address} backlog=4096;\n\
         location ~ ^/pub/(.+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1000; }}\n\
         location ~ ^/sub/(.+)$ {{ nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }}\n\
         }}\n}}\n"
    );
    fs::write(folder.path().join("nginx.conf"), configuration)?;
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-e", "stderr", "-p"]).arg(folder.path()).args(["-c", "nginx.conf"]);
    Ok((listening(command, &address)?, address))
}

fn durable_streams(folder: &tempfile::TempDir) -> anyhow::Result<(Process, String)> {
    let port = free_port()?.to_string();
    let mut command = Command::new(root().join("target/peers/bin/durable-streams-server"));
    command.args(["--port", &port, "--durability", "memory", "--data-dir"]).arg(folder.path());
    let address = format!("127.0.0.1:{port}");
    Ok((listening(command, &address)?, address))
}

fn listening(mut command: Command, address: &str) -> anyhow::Result<Process> {
    let mut process = Process::start(&mut command).context("a peer is missing; run `cargo xtask bench streams`")?;
    let started = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        ensure!(started.elapsed() < START_WITHIN, "a peer does not start: {}", process.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(process)
}

async fn connect(address: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(requests)
}

async fn send(requests: &mut SendRequest<Full<Bytes>>, how: Method, path: &str, body: Bytes) -> anyhow::Result<()> {
    let request = Request::builder().method(how).uri(path).header("host", "127.0.0.1");
    let request = request.header("content-type", "text/plain").body(Full::new(body))?;
    requests.ready().await?;
    let answer = requests.send_request(request).await?;
    let status = answer.status();
    let said = answer.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "a peer answered {status}: {}", String::from_utf8_lossy(&said));
    Ok(())
}
