//! `up`, `serve`, `worker`, `stream`: reads the configuration, starts the parts in order, and stops them in order.

mod adapters;
mod application;
mod connections;
mod fal_webhook;
mod foundation;
mod log_store;
mod meters;
mod native;
mod ready;
pub(in crate::cli) mod releases;
mod running;
mod secrets;
mod simulator;
mod telemetry;
pub(in crate::cli) mod vitals;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use image2model_host::config::{Config, Part, Source};
use image2model_host::ops::files;
use image2model_host::ops::logs::{self, Queued};
use image2model_host::ops::shutdown::Signals;

use super::{FAILED, USAGE, complain};

/// How long tasks that do not listen to anything may hold up the end.
const LAST_WAIT: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub struct Args {
    /// Address to serve on; port 0 picks a free one [default: 127.0.0.1:3000]
    #[arg(long)]
    listen: Option<String>,
    /// Where jobs, images and models are kept [default: data]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// The Spin manifest [default: spin.toml]
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// The build profile to serve: components are taken as their `profile` table of this name says
    #[arg(long)]
    profile: Option<String>,
    /// Exchange a component when its file changes
    #[arg(long)]
    watch: bool,
}

impl Args {
    fn source(&self, part: Part) -> anyhow::Result<Source> {
        let mut source = Source::of_process(Path::new(".")).context("cannot read .env")?;
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let listen = if part == Part::Stream { "STREAM_LISTEN" } else { "LISTEN" };
        let flags = [
            (listen, self.listen.clone()),
            ("DATA_DIR", self.data_dir.as_ref().map(path)),
            ("SPIN_MANIFEST", self.manifest.as_ref().map(path)),
            ("SPIN_PROFILE", self.profile.clone()),
        ];
        for (name, value) in flags {
            if let Some(value) = value {
                source.set(name, &value);
            }
        }
        Ok(source)
    }
}

pub fn run(part: Part, args: &Args) -> ExitCode {
    let source = match args.source(part) {
        Ok(source) => source,
        Err(error) => return complain(&error, USAGE),
    };
    let config = match Config::load(&source, part) {
        Ok(config) => config,
        Err(error) => return complain(&error.into(), USAGE),
    };
    let queued = logs::init(config.logs, config.access.environment);
    files::raise();
    for name in source.unknown_names() {
        tracing::warn!(name = %name, "unknown name in .env, is it misspelt?");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into(), FAILED),
    };
    match runtime.block_on(until_forced(part, config, queued, args.watch)) {
        Ok(()) => {
            // Everything has been stopped. What is left are idle instances of components, which would report being
            // aborted as a fault; they end with the process.
            std::mem::forget(runtime);
            ExitCode::SUCCESS
        }
        Err(error) => {
            runtime.shutdown_timeout(LAST_WAIT);
            complain(&error, FAILED)
        }
    }
}

async fn until_forced(part: Part, config: Config, queued: Option<Queued>, watch: bool) -> anyhow::Result<()> {
    let signals = Signals::listen().context("cannot receive signals")?;
    tokio::select! {
        biased;
        () = signals.force.cancelled() => anyhow::bail!("forced to stop before everything was finished"),
        ended = start_and_stop(part, config, queued, watch, &signals) => ended,
    }
}

async fn start_and_stop(
    part: Part,
    config: Config,
    queued: Option<Queued>,
    watch: bool,
    signals: &Signals,
) -> anyhow::Result<()> {
    let started = tokio::select! {
        biased;
        () = signals.stop.cancelled() => return Ok(()),
        started = running::Running::start(part, config, queued, watch) => started,
    };
    let mut running = started?;
    let outcome = tokio::select! {
        () = signals.stop.cancelled() => Ok(()),
        broken = running.broken() => Err(broken),
    };
    tracing::info!("stopping");
    running.stop().await;
    tracing::info!("stopped");
    outcome
}
