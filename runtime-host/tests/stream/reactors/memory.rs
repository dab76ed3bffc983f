//! What a stream that waits costs.

use std::time::Duration;

use image2model_host::stream::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{World, plain};

/// Bytes that a subscriber may cost here, both ends of its connection included. The target is half of it.
const MOST_EACH: usize = 2048;
/// How many, where there are file descriptors for them.
const SUBSCRIBERS: usize = 10_000;
/// Fewer say little.
const FEWEST: usize = 2_000;

/// What this process has in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).map_or(0, |kb: usize| kb * 1024)
}

/// File descriptors that this process may still open.
fn descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX))
}

async fn connect(world: &World, path: &str) -> std::net::TcpStream {
    let mut stream = TcpStream::connect(world.addr).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    while !text.windows(6).any(|bytes| bytes == b"data: ") {
        let n = stream.read(&mut piece).await.unwrap();
        assert_ne!(n, 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&piece[..n]);
    }
    stream.into_std().unwrap()
}

/// In a process of its own, because what other tests hold meanwhile is not what is measured.
#[test]
fn ten_thousand_that_wait_cost_little() {
    let name = format!("{}::by_itself", module_path!().split_once("::").unwrap().1);
    let mut itself = std::process::Command::new(std::env::current_exe().unwrap());
    let output = itself.args(["--exact", &name, "--ignored", "--nocapture"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", text.lines().find(|line| line.contains("subscribers")).unwrap_or_default());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test above"]
async fn by_itself() {
    let subscribers = SUBSCRIBERS.min(descriptors().saturating_sub(600) / 2);
    if subscribers < FEWEST || resident() == 0 {
        println!("skipped: room for {subscribers} subscribers only");
        return;
    }
    let (total, per_address, per_job) = (50_000, 50_000, 50_000);
    let world = World::limited(Limits { total, per_address, per_job, ..Limits::default() }).await;
    let mut jobs = Vec::new();
    for _ in 0..50 {
        jobs.push(plain(&world.job(1).await));
    }
    let mut held = Vec::with_capacity(subscribers);
    for job in &jobs {
        held.push(connect(&world, job).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, warm) = (resident(), held.len());
    while held.len() < subscribers {
        let batch = (0..50.min(subscribers - held.len())).map(|i| connect(&world, &jobs[i % jobs.len()]));
        held.extend(futures::future::join_all(batch).await);
        world.guard.asked.lock().unwrap().clear();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let each = resident().saturating_sub(before) / (subscribers - warm);
    println!("{subscribers} subscribers, {each} bytes each");
    assert_eq!(world.streams.stats().open as usize, subscribers);
    assert!(each <= MOST_EACH, "{each} bytes each");
    drop(held);
    world.until_open(0).await;
}
