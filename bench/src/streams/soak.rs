//! Many clients for a long time: they come and go, one in ten stalls for longer than the server puts up with, and each goes
//! on where it left. What every client got is checked against a number that counts up at each job, and the server's memory
//! is watched. It fails where anything is missing, comes twice, or memory grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use image2model_tests::redis::Redis;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::crowd::allow_many;
use super::publisher::{Job, Publisher};
use super::stand::{Kind, Stand};
use crate::figures::median;

/// Clients of one job.
const OF_ONE_JOB: usize = 50;
/// One client in so many stalls.
const STALLS: usize = 10;
/// How many seconds it does. The server closes after 10 s without progress, once what the system holds is full.
const STALLED_FOR: std::ops::Range<u64> = 12..40;
/// How many seconds other clients stay before they come anew.
const STAYS: std::ops::Range<u64> = 2..40;
/// Bytes of an event: what a stalled client does not take piles up fast.
const EVENT: usize = 8_000;
/// Deliveries a second to all, and the most events a second at one job.
const DELIVERIES: f64 = 10_000.0;
const MOST: f64 = 10.0;
/// Memory settles in the first part of the time.
const WARM: f64 = 0.4;
/// What it may grow by after that.
const GROWTH: f64 = 1.1;
const GROWTH_BYTES: f64 = 4e6;

/// What the clients found together.
#[derive(Debug, Default)]
struct Found {
    events: AtomicUsize,
    connections: AtomicUsize,
    /// Clients told that their place was gone: only those that stalled may be.
    resets: AtomicUsize,
    /// Streams that the server ended while their client stood still.
    hung_up: AtomicUsize,
}

/// Runs it, and says what was found.
pub async fn run(clients: usize, time: Duration) -> anyhow::Result<()> {
    allow_many()?;
    let redis = Redis::start()?;
    let stand = Stand::open(Kind::Ours, &redis).await?;
    let publisher = Arc::new(Publisher::to(&redis.url())?);
    let jobs = Arc::new(publisher.jobs(clients.div_ceil(OF_ONE_JOB)).await?);
    let (found, stop) = (Arc::new(Found::default()), CancellationToken::new());
    let rate = (DELIVERIES / clients as f64).min(MOST);
    let published = tokio::spawn(publish(publisher, jobs.clone(), rate, stop.clone()));
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..clients {
        let path = jobs.get(number / OF_ONE_JOB).context("no job")?.path();
        let client = Client::new(stand.address.clone(), path, number % STALLS == 0);
        crowd.spawn(client.come_and_go(found.clone(), stop.clone()));
    }
    let mut memory = Vec::new();
    let started = Instant::now();
    while started.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(500)).await;
        memory.push(stand.process.resident_bytes()? as f64);
        if let Some(ended) = crowd.try_join_next() {
            ended??;
            bail!("a client ended before its time");
        }
    }
    stop.cancel();
    let events = published.await??;
    while let Some(ended) = crowd.join_next().await {
        ended??;
    }
    say(clients, time, events, &found, &memory)
}

fn say(clients: usize, time: Duration, events: usize, found: &Found, memory: &[f64]) -> anyhow::Result<()> {
    let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let settled = memory.get((memory.len() as f64 * WARM) as usize..).unwrap_or_default();
    let (early, late) = settled.split_at(settled.len() / 2);
    let (early, late) = (median(early.to_vec()), median(late.to_vec()));
    println!(
        "soak: {clients} clients for {} s, {events} events published, {} delivered over {} connections, nothing missing, \
         nothing twice; {} hung up on while they stood still, {} resets; memory {:.1} MB, then {:.1} MB",
        time.as_secs(),
        of(&found.events),
        of(&found.connections),
        of(&found.hung_up),
        of(&found.resets),
        early / 1e6,
        late / 1e6,
    );
    ensure!(late <= early * GROWTH + GROWTH_BYTES, "memory grows");
    ensure!(of(&found.events) > clients, "hardly anything was delivered");
    Ok(())
}

/// To each job in turn, each event with its number at the job.
async fn publish(
    publisher: Arc<Publisher>,
    jobs: Arc<Vec<Job>>,
    rate: f64,
    stop: CancellationToken,
) -> anyhow::Result<usize> {
    let mut next = tokio::time::interval(Duration::from_secs_f64(1.0 / rate / jobs.len() as f64));
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let filling = "x".repeat(EVENT);
    let mut events = 0;
    while !stop.is_cancelled() {
        next.tick().await;
        let job = jobs.get(events % jobs.len()).context("no job")?;
        publisher.event(job, &format!("n={};{filling}", events / jobs.len())).await?;
        events += 1;
    }
    Ok(events)
}

/// One client, over all its connections.
struct Client {
    address: String,
    path: String,
    stalls: bool,
    /// The id it goes on from.
    last_id: String,
    /// The number after the last that it got.
    next: Option<usize>,
}

impl Client {
    fn new(address: String, path: String, stalls: bool) -> Self {
        Self { address, path, stalls, last_id: String::new(), next: None }
    }

    async fn come_and_go(mut self, found: Arc<Found>, stop: CancellationToken) -> anyhow::Result<()> {
        let seconds = |range| Duration::from_secs(rand::random_range(range));
        // Not all in one moment.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..2_000))).await;
        while !stop.is_cancelled() {
            let mut stream = self.connect().await?;
            found.connections.fetch_add(1, Ordering::Relaxed);
            if self.stalls {
                let _ = stop.run_until_cancelled(tokio::time::sleep(seconds(STALLED_FOR))).await;
            }
            let reading = tokio::time::timeout(seconds(STAYS), self.read(&mut stream, &found));
            if let Some(Ok(ended)) = stop.run_until_cancelled(reading).await {
                ended?;
                ensure!(self.stalls, "the stream of a client that reads was ended");
                found.hung_up.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    async fn connect(&self) -> anyhow::Result<BufReader<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        if self.stalls {
            socket.set_recv_buffer_size(4_096)?;
        }
        let mut stream = socket.connect(self.address.parse()?).await?;
        let place =
            if self.last_id.is_empty() { String::new() } else { format!("last-event-id: {}\r\n", self.last_id) };
        let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\n{place}\r\n", self.path, self.address);
        stream.write_all(request.as_bytes()).await?;
        Ok(BufReader::new(stream))
    }

    /// Reads to the end. What broke off in the middle of an event was not got.
    async fn read(&mut self, stream: &mut BufReader<TcpStream>, found: &Found) -> anyhow::Result<()> {
        let (mut line, mut id, mut data) = (String::new(), String::new(), String::new());
        loop {
            line.clear();
            match stream.read_line(&mut line).await {
                Ok(1..) => {}
                _ => return Ok(()),
            }
            match line.trim_end().split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("data", value)) => value.clone_into(&mut data),
                _ if line == "\n" && !data.is_empty() => {
                    self.got(&data, found)?;
                    self.last_id = std::mem::take(&mut id);
                    data.clear();
                }
                _ => ensure!(!line.starts_with("HTTP/1.1 ") || line.contains(" 200 "), "it was answered {line}"),
            }
        }
    }

    fn got(&mut self, data: &str, found: &Found) -> anyhow::Result<()> {
        if data.contains(r#""type":"reset""#) {
            ensure!(self.stalls, "a client that reads lost its place after {:?}", self.last_id);
            found.resets.fetch_add(1, Ordering::Relaxed);
            self.next = None;
            return Ok(());
        }
        let Some((_, after)) = data.split_once("n=") else { return Ok(()) };
        let number = after.split(';').next().unwrap_or_default();
        let Ok(number) = number.parse::<usize>() else { return Ok(()) };
        if let Some(next) = self.next {
            ensure!(number == next, "event {number} of {} came where {next} was to come", self.path);
        }
        self.next = Some(number + 1);
        found.events.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
