//! The command line: every task of the program, each a module. The only place where the rooms of the host meet.

mod api;
mod check;
mod compile;
mod components;
mod config;
mod host;
mod jobs;
mod keys;
mod out;
mod probe;
mod server;
mod submit;
mod table;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use image2model_host::allocator;
use image2model_host::config::Part;

/// Something went wrong while running.
const FAILED: u8 = 1;
/// Nothing was started: the command, or the configuration, is wrong.
const USAGE: u8 = 2;
/// Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Photographs in, 3D models out.
#[derive(Parser)]
#[command(name = "image2model", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in one process: application, worker, streams and, where none is configured, Redis and a simulated FAL.AI
    Up(host::Args),
    /// Serve the application
    Serve(host::Args),
    /// Run the worker that has models made at FAL.AI
    Worker(host::Args),
    /// Serve the event streams apart from the application
    Stream(host::Args),
    /// Upload photographs, follow their progress, download the models
    Submit(submit::Args),
    /// Follow a job that was uploaded before, to its end
    Watch(watch::Args),
    /// Show jobs, queues and tenants; cancel, retry, replay, pause
    Jobs(api::Args<jobs::Task>),
    /// Issue, list and revoke API keys
    Keys(api::Args<keys::Task>),
    /// Exchange components while they serve: list, swap, canary, rollback
    Components(api::Args<components::Task>),
    /// Ask one address whether it is well, as containers' health checks do
    Probe(probe::Args),
    /// Check every built component against its contract
    Check(check::Args),
    /// Print the documents about configuration
    Config(config::Args),
    /// Compile the component on standard input to standard output, as a host has it done
    #[command(hide = true)]
    Compile,
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    allocator::keep_pages_small();
    // One TLS provider for the whole process; an error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Up(args) => host::run(Part::Up, &args),
        Command::Serve(args) => host::run(Part::Serve, &args),
        Command::Worker(args) => host::run(Part::Worker, &args),
        Command::Stream(args) => host::run(Part::Stream, &args),
        Command::Submit(args) => submit::run(args),
        Command::Watch(args) => watch::run(args),
        Command::Jobs(args) => api::run(&args),
        Command::Keys(args) => api::run(&args),
        Command::Components(args) => api::run(&args),
        Command::Probe(args) => probe::run(args),
        Command::Check(args) => check::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Compile => compile::run(),
    }
}

/// Runs a command that speaks to a server.
fn in_runtime(command: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into(), USAGE),
    };
    let code = runtime.block_on(command);
    // A stalled connection must not hold up the end.
    runtime.shutdown_background();
    code
}

/// Says on standard error what went wrong, with the causes that it does not name itself.
fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    eprintln!("image2model: {said}");
    ExitCode::from(code)
}
