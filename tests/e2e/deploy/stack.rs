//! `compose.yaml` run here: each service as a process with the variables that its image and the file give it, Redis with the
//! file's settings, nginx with the shipped configuration; only addresses and folders are this machine's. One start for all
//! that needs it: probes, the main job through the proxy, and every name that the dashboard, the alerts and KEDA look at.

use std::collections::BTreeMap;
use std::time::Duration;

use image2model_tests::client::{Upload, text as field};
use image2model_tests::exposition::{Dialect, Samples, parse};
use image2model_tests::nginx::Nginx;
use image2model_tests::process::Process;
use image2model_tests::product::image2model;
use image2model_tests::redis::{Redis, free_port};
use image2model_tests::sim::Sim;
use image2model_tests::{Client, Product, photo};

use super::{compose, container, kubernetes, promql, text, watched, words};

const GIVEN: [(&str, &str); 6] = [
    ("REDIS_PASSWORD", "the-password-of-redis"),
    ("BLOB_TOKEN", "the-token-of-the-gateway"),
    ("TOKEN_SECRET", "the-secret-of-the-tokens"),
    ("API_KEY", "the-users-key-0123456789"),
    ("ADMIN_API_KEY", "the-admins-key-0123456789"),
    ("PUBLIC_PORT", "80"),
];

/// Where a container's port is here.
struct Ports(BTreeMap<u64, u16>);

impl Ports {
    /// An address of the file as it is here: `0.0.0.0:3000`, `http://worker:3001`.
    fn here(&self, value: &str) -> String {
        let Some((before, port)) = value.rsplit_once(':') else { return value.to_owned() };
        match port.parse().ok().and_then(|port| self.0.get(&port)) {
            Some(port) if before.contains("://") => format!("http://127.0.0.1:{port}"),
            Some(port) => format!("127.0.0.1:{port}"),
            None => value.to_owned(),
        }
    }
}

struct Stack {
    ports: Ports,
    nginx: Nginx,
    _parts: Vec<Process>,
    _redis: Redis,
    _sim: Sim,
    _data: tempfile::TempDir,
}

impl Stack {
    fn start() -> Self {
        let sim = Sim::start("20").unwrap();
        let mut given: BTreeMap<&str, &str> = GIVEN.into();
        given.insert("FAL_KEY", sim.key());
        let command: Vec<String> =
            words(&compose::service("redis")["command"]).iter().map(|word| compose::filled(word, &given)).collect();
        let redis = Redis::start_with(&command.iter().skip(1).map(String::as_str).collect::<Vec<_>>()).unwrap();
        let ports = Ports([3000, 3001, 3002].map(|port| (port, free_port().unwrap())).into());
        let data = tempfile::tempdir().unwrap();
        let mut parts = Vec::new();
        // In the order of `depends_on`.
        for part in ["worker", "serve", "stream"] {
            let mut command = image2model().unwrap();
            command.args(words(&compose::service(part)["command"]));
            // Where FAL.AI is: not a matter of the deployment.
            for (name, value) in Product::setup().with_sim(&sim).environment() {
                if name.starts_with("FAL_") && name != "FAL_KEY" || name == "COMPILE_CACHE_DIR" {
                    command.env(name, value);
                }
            }
            let own = compose::environment(&compose::service(part), &given);
            for (name, value) in container::environment().into_iter().chain(own) {
                let value = match name.as_str() {
                    "COMPILE_CACHE_DIR" => continue,
                    "DATA_DIR" => data.path().join(part).display().to_string(),
                    "REDIS_HOST" => "127.0.0.1".to_owned(),
                    _ => ports.here(&value),
                };
                command.env(name, value);
            }
            command.env("REDIS_PORT", redis.port().to_string());
            let mut process = Process::start(&mut command).unwrap();
            process.wait_for("ready: ").unwrap();
            parts.push(process);
        }
        let upstreams = text("proxy/upstreams.compose.conf");
        // `resolve` is nginx' since 1.27.3; what is here may be older.
        let at = |port: u64| format!("server 127.0.0.1:{};", ports.0[&port]);
        let here = upstreams.replace("server serve:3000 resolve;", &at(3000));
        let here = here.replace("server stream:3002 resolve;", &at(3002));
        assert_eq!(here.matches("server 127.0.0.1:").count(), 2, "{here}");
        let nginx = Nginx::start(&here).unwrap();
        Self { ports, nginx, _parts: parts, _redis: redis, _sim: sim, _data: data }
    }

    fn client(&self, port: u64) -> Client {
        Client::new(&format!("http://127.0.0.1:{}", self.ports.0[&port]), None).unwrap()
    }

    /// What `/metrics` says once everybody has told of themselves, and of the stream that was opened.
    async fn exported(&self) -> Samples {
        let client = self.client(3000);
        let mut last = String::new();
        for _ in 0..150 {
            last = client.get("/metrics").await.unwrap().text().await.unwrap();
            let samples = parse(&last, Dialect::Prometheus).unwrap();
            let told =
                ["component=\"upload\"", "image2model_fal_reachable "].iter().all(|wanted| last.contains(wanted));
            if told && opened(&samples).next().is_some() {
                return samples;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("not everybody tells of themselves:\n{last}")
    }

    /// The probes of the containers, by the program that they use, and those of the pods.
    async fn is_probed(&self) {
        let probe = |url: &str| image2model().unwrap().args(["probe", url]).output().unwrap();
        for part in ["serve", "stream", "worker"] {
            let check = compose::service(part)["healthcheck"]["test"].clone();
            let check = words(&check);
            assert_eq!(check[..3], ["CMD", "/usr/local/bin/image2model", "probe"], "{part}");
            let (url, path) = check[3].rsplit_once("/health").unwrap();
            let output = probe(&format!("{}/health{path}", self.ports.here(url)));
            assert!(output.status.success(), "{part}: {output:?}");
        }
        let nobody = probe(&format!("http://127.0.0.1:{}/health/live", free_port().unwrap()));
        assert_eq!(nobody.status.code(), Some(1));
        let refused = probe(&format!("http://127.0.0.1:{}/health/nothing", self.ports.0[&3000]));
        assert_eq!(refused.status.code(), Some(1));
        let probes = kubernetes::probes();
        let parts: Vec<&str> = probes.iter().map(|(part, ..)| part.as_str()).collect();
        assert_eq!(parts, ["serve", "serve", "serve", "stream", "stream", "worker", "worker"]);
        for (part, port, path) in probes {
            let status = self.client(port).get(&path).await.unwrap().status();
            assert_eq!(status, 200, "{part}: {path}");
        }
    }

    /// The main job, through the proxy: kept by the worker's gateway, watched at the stream server.
    async fn makes_a_model(&self) {
        let user = self.nginx.client(Some("the-users-key-0123456789")).unwrap();
        let photograph = Upload::new("chair.jpg", photo::jpeg(320, 240, 1).unwrap());
        let job = field(&user.upload(&[photograph], &[]).await.unwrap(), "job_id").to_owned();
        let watch = user.get(&format!("/api/v1/status/stream/{job}")).await.unwrap();
        assert_eq!(watch.headers()["content-type"], "text/event-stream");
        let ended = user.ended(&job).await.unwrap();
        assert_eq!(ended["status"], "completed", "{ended}");
        assert!(watch.text().await.unwrap().contains("\"completed\""));
        let model = user.get(&format!("{}?stream=1", field(&ended["files"][0], "download_url"))).await.unwrap();
        assert!(model.status().is_success() && model.bytes().await.unwrap().starts_with(b"glTF"));
    }
}

/// Who has opened streams.
fn opened(samples: &Samples) -> impl Iterator<Item = &String> {
    let counted = samples.iter().filter(|(series, _)| series.starts_with("image2model_streams_opened_total{"));
    counted.filter(|(_, count)| **count > 0.0).map(|(series, _)| series)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_compose_describes_works_and_all_that_is_watched_is_exported() {
    let stack = Stack::start();
    stack.is_probed().await;
    stack.makes_a_model().await;
    let exported = stack.exported().await;
    let opened: Vec<&String> = opened(&exported).collect();
    assert!(opened.len() == 1 && opened[0].contains("role=\"stream\""), "streams are the stream server's: {opened:?}");
    let unknown: Vec<String> = watched::expressions()
        .iter()
        .flat_map(|(expression, texts)| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = promql::unknown(expression, &texts, &exported);
            found.into_iter().map(move |what| format!("{what}, in {expression}"))
        })
        .collect();
    assert!(unknown.is_empty(), "not exported:\n{}", unknown.join("\n"));
}
