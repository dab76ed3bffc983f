//! The servers that are measured: this host, `wasmtime serve`, `spin up` where there is one, and axum. Each is a process
//! of its own, held on one core; the load has the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use image2model_tests::process::{Process, root};
use image2model_tests::redis::{Redis, free_port};

use super::work::Guest;

/// Which core serves, and which one asks, in the words of `taskset`.
const SERVING: &str = "0";
const ASKING: &str = "1";
/// Until a server that compiles first must listen.
const START_WITHIN: Duration = Duration::from_secs(60);

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This host.
    Ours,
    /// `wasmtime serve`: one component, no Redis.
    Wasmtime,
    /// `spin up` by the program that `SPIN_BIN` names.
    Spin,
    /// The same answers without components.
    Axum,
}

impl Kind {
    /// Those that can be had here.
    pub fn present() -> Vec<Self> {
        let spin = std::env::var_os("SPIN_BIN").map(|_| Self::Spin);
        [Some(Self::Ours), Some(Self::Wasmtime), spin, Some(Self::Axum)].into_iter().flatten().collect()
    }

    /// What it is called in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "image2model",
            Self::Wasmtime => "wasmtime serve",
            Self::Spin => "spin up",
            Self::Axum => "axum",
        }
    }

    /// Whether it can run a component that asks Redis.
    pub fn has_redis(self) -> bool {
        self != Self::Wasmtime
    }
}

/// A running server.
pub struct Stand {
    pub process: Process,
    pub address: String,
}

/// What they share: Redis, the components, a place for their caches.
pub struct Ground {
    pub redis: Redis,
    folder: tempfile::TempDir,
}

impl Ground {
    /// With a key for the components to read.
    pub async fn open() -> anyhow::Result<Self> {
        let ground = Self { redis: Redis::start()?, folder: tempfile::tempdir()? };
        ground.redis.ask::<()>("SET key a-value-of-some-length").await?;
        Ok(ground)
    }

    /// One with these components and no other.
    fn manifest(&self, guests: &[Guest]) -> anyhow::Result<PathBuf> {
        let name: Vec<_> = guests.iter().map(|guest| guest.id()).collect();
        let path = self.folder.path().join(format!("{}.toml", name.join("-")));
        fs::write(&path, manifest(guests, &self.redis.url()))?;
        Ok(path)
    }

    /// Forgets what was compiled.
    pub fn forget(&self) -> anyhow::Result<()> {
        for cache in ["cache", "wasmtime"] {
            match fs::remove_dir_all(self.folder.path().join(cache)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts one that serves these components; the first of them where it can serve only one.
    pub fn start(&self, kind: Kind, guests: &[Guest]) -> anyhow::Result<Stand> {
        let redis = self.redis.url();
        let folder = self.folder.path();
        match kind {
            Kind::Ours => own(&["edge-server".as_ref(), self.manifest(guests)?.as_ref(), redis.as_ref()]),
            Kind::Axum => own(&["edge-peer".as_ref(), redis.as_ref()]),
            Kind::Wasmtime => {
                let file = guests.first().context("no component to serve")?.file();
                let mut serve = pinned(&root().join("target/peers/bin/wasmtime"));
                serve.env("XDG_CACHE_HOME", folder.join("wasmtime")).arg("serve").args(WASMTIME);
                listening(serve, |serve, address| {
                    serve.args(["--addr", address]).arg(&file);
                })
            }
            Kind::Spin => {
                let mut up = pinned(std::env::var_os("SPIN_BIN").context("SPIN_BIN is not set")?.as_ref());
                up.env("SPIN_VARIABLE_REDIS_URL", redis).args(["up", "--quiet", "--from"]).arg(self.manifest(guests)?);
                listening(up, |up, address| {
                    up.args(["--listen", address]);
                })
            }
        }
    }
}

/// Its best settings of those that were tried: instances that are used longer than for 128 requests.
const WASMTIME: [&str; 10] = [
    "-S",
    "cli",
    "-W",
    "component-model-async",
    "-C",
    "cache",
    "--max-instance-reuse-count",
    "100000",
    "--idle-instance-timeout",
    "5s",
];

/// This process and all it starts from now on are held on the core that asks.
pub fn ask_from_one_core() -> anyhow::Result<()> {
    let status = Command::new("taskset").args(["-acp", ASKING, &std::process::id().to_string()]).output()?.status;
    ensure!(status.success(), "the load cannot be given a core of its own");
    Ok(())
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVING]).arg(program);
    command
}

fn own(arguments: &[&std::ffi::OsStr]) -> anyhow::Result<Stand> {
    let mut process = Process::start(pinned(&std::env::current_exe()?).args(arguments))?;
    let address = process.wait_for("peer ready: ")?;
    Ok(Stand { process, address })
}

fn listening(mut command: Command, at: impl FnOnce(&mut Command, &str)) -> anyhow::Result<Stand> {
    let address = format!("127.0.0.1:{}", free_port()?);
    at(&mut command, &address);
    let mut process = Process::start(&mut command).context("a peer is missing; run `cargo xtask bench host`")?;
    let started = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        ensure!(started.elapsed() < START_WITHIN, "a peer does not start: {}", process.said());
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Stand { process, address })
}

fn manifest(guests: &[Guest], redis: &str) -> String {
    let mut text = "spin_manifest_version = 2\n[application]\nname = \"bench\"\nversion = \"1.0.0\"\n".to_owned();
    text += &format!("[variables]\nredis_url = {{ default = {redis:?} }}\n");
    for guest in guests {
        let id = guest.id();
        for route in guest.routes() {
            text += &format!("[[trigger.http]]\nroute = {route:?}\ncomponent = {id:?}\n");
        }
        text += &format!("[component.{id}]\nsource = {:?}\n", guest.file());
        text += "allowed_outbound_hosts = [\"redis://127.0.0.1:*\"]\nvariables = { redis_url = \"{{ redis_url }}\" }\n";
    }
    text
}
