//! What is broken: workers, stream hosts behind doors that clients know them by, and the Redis of them all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use image2model_tests::Crew;
use image2model_tests::crew::REDIS;
use image2model_tests::http2::Certificate;
use image2model_tests::process::Process;
use image2model_tests::product::Setup;
use image2model_tests::proxy::Proxy;
use image2model_tests::redis::Redis;

use super::recorder::{Recorder, Told};
use super::truth::Truth;
use crate::redis::{in_step, serves_again};
use crate::scale::patience;

/// For an upload, with as many attempts as it takes.
const UPLOADED_WITHIN: Duration = Duration::from_secs(30);
/// Clients of each job that come from Node.
const IN_NODE: usize = 3;

/// Where clients come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// HTTP/1.1, each stream on a connection of its own: carried by reactors.
    Plain,
    /// TLS and HTTP/2, all streams of a browser on one connection: carried by the HTTP server.
    Encrypted,
}

/// Two hosts, one of which clients are led to.
struct Entrance {
    proxy: Proxy,
    hosts: Vec<(Process, u16)>,
    leads_to: usize,
    environment: Vec<(&'static str, String)>,
}

impl Entrance {
    async fn open(crew: &Crew, environment: Vec<(&'static str, String)>) -> Self {
        let hosts = vec![host(crew, &environment), host(crew, &environment)];
        let proxy = Proxy::start(hosts[0].1).await.unwrap();
        Self { proxy, hosts, leads_to: 0, environment }
    }

    fn lead_to(&mut self, number: usize) {
        self.leads_to = number;
        self.proxy.lead_to(self.hosts[number].1);
    }
}

fn host(crew: &Crew, environment: &[(&'static str, String)]) -> (Process, u16) {
    let more: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (process, url) = crew.beside("stream", &more).unwrap();
    (process, url.rsplit(':').next().unwrap().parse().unwrap())
}

/// All of it.
pub struct Stage {
    pub crew: Crew,
    plain: Entrance,
    encrypted: Entrance,
    node: Recorder,
    browser: Option<Recorder>,
    truth: Truth,
    _certificate: Certificate,
}

impl Stage {
    /// With workers and hosts ready, and nobody listening yet. Without a browser the encrypted door is nobody's.
    pub async fn open(with_browser: bool) -> Self {
        // Few at a time, so that jobs last while things break.
        let few = |setup: Setup| setup.with("MAX_STREAMS_PER_ADDRESS", "10000").with("MAX_CONCURRENT_TASKS", "4");
        let mut crew = Crew::start(few).await.unwrap();
        crew.staff(2).unwrap();
        crew.until_history_is_known(patience()).await.unwrap();
        let certificate = Certificate::new().unwrap();
        let tls = vec![
            ("TLS_CERT_FILE", certificate.file().display().to_string()),
            ("TLS_KEY_FILE", certificate.key().display().to_string()),
        ];
        let (plain, encrypted) = (Entrance::open(&crew, Vec::new()).await, Entrance::open(&crew, tls).await);
        let browser = with_browser.then(|| Recorder::start(true));
        let (node, truth) = (Recorder::start(false), Truth::default());
        Self { crew, plain, encrypted, node, browser, truth, _certificate: certificate }
    }

    /// A job is taken in, and clients come to it by both doors.
    pub async fn publish(&mut self) {
        let job = self.upload().await;
        for number in 0..IN_NODE {
            let url = format!("http://127.0.0.1:{}/api/v1/status/stream/{job}", self.plain.proxy.port());
            self.node.follow(&format!("{job}/node-{number}"), &url);
        }
        if let Some(browser) = &mut self.browser {
            let url = format!("https://127.0.0.1:{}/api/v1/status/stream/{job}", self.encrypted.proxy.port());
            browser.follow(&format!("{job}/browser"), &url);
        }
    }

    /// A service that has just lost its Redis may refuse, and lets the client try again.
    async fn upload(&mut self) -> String {
        let started = Instant::now();
        loop {
            match self.crew.upload(4).await {
                Ok(job) => return job.id.clone(),
                Err(error) => assert!(started.elapsed() < UPLOADED_WITHIN, "{error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn entrance(&mut self, door: Door) -> &mut Entrance {
        match door {
            Door::Plain => &mut self.plain,
            Door::Encrypted => &mut self.encrypted,
        }
    }

    /// Every connection through a door breaks; it leads to one of its hosts from now on.
    pub fn cut(&mut self, door: Door, to: usize) {
        self.entrance(door).lead_to(to);
    }

    /// A host dies, and another takes its place.
    pub fn kill(&mut self, door: Door, number: usize) {
        let environment = self.entrance(door).environment.clone();
        self.entrance(door).hosts[number].0.kill();
        let new = host(&self.crew, &environment);
        let entrance = self.entrance(door);
        entrance.hosts[number] = new;
        if entrance.leads_to == number {
            entrance.lead_to(number);
        }
    }

    /// Of the streams of all jobs no more is kept than their last few entries.
    pub async fn trim(&mut self, to: usize) {
        for job in &self.crew.jobs {
            // Nothing comes between the look and the trimming but more entries, which are not trimmed.
            self.truth.look(&self.crew.redis, &job.id).await;
            let kept = self.truth.kept(&job.id);
            if let Some((ms, seq)) = kept.keys().nth_back(to - 1) {
                let command = format!("XTRIM job:{}:events MINID {ms}-{seq}", job.id);
                self.crew.redis.ask::<u64>(&command).await.unwrap();
            }
        }
    }

    /// A replica takes over that is behind by so much and what Redis was told meanwhile.
    pub async fn fail_over(&mut self, behind: Duration) {
        let line = Proxy::start(self.crew.redis.port()).await.unwrap();
        let port = line.port().to_string();
        let replica = Redis::start_with(&[&REDIS[..], &["--replicaof", "127.0.0.1", &port]].concat()).unwrap();
        in_step(&self.crew.redis, &replica).await;
        line.hold_up();
        tokio::time::sleep(behind).await;
        // Whoever writes now is answered by nobody, so that what is lost can be noted whole.
        self.crew.redis.ask::<()>("CLIENT PAUSE 5000 WRITE").await.unwrap();
        let jobs: Vec<String> = self.crew.jobs.iter().map(|job| job.id.clone()).collect();
        self.truth.lose(&jobs, &self.crew.redis, &replica).await;
        self.crew.redis.process().kill();
        line.lead_to(self.crew.redis.port());
        replica.ask::<()>("REPLICAOF NO ONE").await.unwrap();
        self.crew.line.lead_to(replica.port());
        self.crew.redis = replica;
        serves_again(&self.crew).await;
    }

    /// Redis dies and comes back with all it had.
    pub async fn restart_redis(&mut self, away: Duration) {
        self.crew.redis.process().kill();
        tokio::time::sleep(away).await;
        self.crew.redis.start_again().unwrap();
        // It is started as it was first, and it may have been a replica.
        self.crew.redis.ask::<()>("REPLICAOF NO ONE").await.unwrap();
        serves_again(&self.crew).await;
    }

    /// What every client told so far.
    pub fn told(&self) -> BTreeMap<String, Told> {
        let mut told = self.node.told();
        told.extend(self.browser.iter().flat_map(Recorder::told));
        told
    }

    /// Once every client's stream has begun, or so long after.
    pub async fn until_followed(&self, limit: Duration) {
        let started = Instant::now();
        while started.elapsed() < limit && self.told().values().any(|client| client.opened == 0 && !client.closed) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What every client told, once each has been told to come no more, or so long after.
    pub async fn until_all_closed(&self, limit: Duration) -> BTreeMap<String, Told> {
        let started = Instant::now();
        loop {
            let told = self.told();
            if started.elapsed() > limit || told.values().all(|client| client.closed) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// All that happened.
    pub async fn truth(mut self) -> Truth {
        for job in &self.crew.jobs {
            self.truth.look(&self.crew.redis, &job.id).await;
        }
        self.truth
    }
}
