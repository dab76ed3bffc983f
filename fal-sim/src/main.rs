//! The `fal-sim` program: flags in, one simulator, `fal-sim ready: http://ADDR` on standard output once it answers.

use anyhow::{Context, Result};
use clap::Parser;
use fal_sim::{ApiKey, Config, Simulator};
use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A FAL.AI that runs here.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", env = "FAL_SIM_LISTEN")]
    listen: SocketAddr,
    /// An API key that may call, KEY_ID:SECRET; may be given more than once.
    #[arg(long = "key", required = true, env = "FAL_SIM_KEY", hide_env_values = true, value_delimiter = ',')]
    keys: Vec<ApiKey>,
    /// How many times faster than the real platform jobs run.
    #[arg(long, default_value_t = Config::default().speed)]
    speed: f64,
    /// Jobs of one key that run at the same time.
    #[arg(long, default_value_t = Config::default().concurrency)]
    concurrency: usize,
    /// Hold files in this folder instead of a temporary one; those of an earlier run are removed at start.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Bytes of files kept in all; the oldest go first.
    #[arg(long, default_value_t = Config::default().max_stored_bytes)]
    max_stored_bytes: u64,
    /// Let running jobs finish although they are cancelled, as partner models do.
    #[arg(long)]
    ignore_cancel: bool,
    /// Bill running jobs that are cancelled.
    #[arg(long)]
    bill_cancelled: bool,
    /// Credits there are, a US cent each; once they are spent, submits are refused.
    #[arg(long, value_name = "UNITS")]
    balance: Option<i64>,
    /// How many milliseconds late requests appear in the request history.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    history_lag: u64,
    /// List only finished requests in the request history.
    #[arg(long)]
    history_of_finished: bool,
    /// List no waiting requests in the request history.
    #[arg(long)]
    history_from_start: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_env("FAL_SIM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let config = Config {
        listen: arguments.listen,
        keys: arguments.keys,
        speed: arguments.speed,
        concurrency: arguments.concurrency,
        data_dir: arguments.data_dir,
        max_stored_bytes: arguments.max_stored_bytes,
        honour_cancel: !arguments.ignore_cancel,
        bill_cancelled: arguments.bill_cancelled,
        balance: arguments.balance,
        history_lag: Duration::from_millis(arguments.history_lag),
        history_lists_unfinished: !arguments.history_of_finished,
        history_lists_waiting: !arguments.history_from_start,
        ..Config::default()
    };
    let running = Simulator::start(config).await?;
    let mut out = std::io::stdout();
    writeln!(out, "fal-sim ready: {}", running.base_url())?;
    out.flush()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for Ctrl-C")?,
        _ = terminate.recv() => {}
    }
    running.shutdown().await;
    Ok(())
}
