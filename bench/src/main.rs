//! Measurements of the product: beside a peer that does the same work, alternating in one run, as ratios; and of what it
//! promises on its own.
//!
//! `cargo xtask bench [status] [upload] [start] [queue] [claim] [memory] [recovery] [streams] [host] [swap]`. The figures and what bounds them are
//! in `bench/README.md`.

mod backlog;
mod claim;
mod figures;
mod host;
mod load;
mod measurement;
mod memory;
mod peer;
mod queue;
mod recovery;
mod relay;
mod site;
mod start;
mod status;
mod streams;
mod swap;
mod train;
mod upload;
mod usage;

use clap::{Parser, Subcommand, ValueEnum};

use measurement::Measurement;

#[derive(Parser)]
#[command(about = "Measures Image2Model beside native peers")]
struct Arguments {
    /// Which measurements to make; all of them when none is named
    names: Vec<Measurement>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Is the native peer of the status route (started by the measurement itself)
    #[command(hide = true)]
    PeerStatus {
        /// Redis to ask
        redis_url: String,
    },
    /// Is the native peer of the upload route (started by the measurement itself)
    #[command(hide = true)]
    PeerUpload {
        /// Where to write
        folder: std::path::PathBuf,
    },
    /// Is this host with the components of a manifest (started by the measurement itself)
    #[command(hide = true)]
    EdgeServer {
        /// The manifest
        manifest: std::path::PathBuf,
        /// Redis for the components
        redis_url: String,
        /// Instances at a time; with few, it runs under Valgrind, whose address space is small
        #[arg(long)]
        instances: Option<u32>,
    },
    /// Is the native peer of those components (started by the measurement itself)
    #[command(hide = true)]
    EdgePeer {
        /// Redis to ask
        redis_url: String,
    },
    /// Is the product's stream server (started by the measurement itself)
    #[command(hide = true)]
    StreamServer {
        /// Redis to follow
        redis_url: String,
    },
    /// Is the peer of the stream server (started by the measurement itself)
    #[command(hide = true)]
    StreamPeer {
        /// Redis to follow
        redis_url: String,
    },
    /// Streams for a long time: clients that come, go and stall; fails where anything is lost or memory grows
    Soak {
        /// How many clients
        #[arg(long, default_value_t = 5_000)]
        clients: usize,
        /// How long, in seconds
        #[arg(long, default_value_t = 600)]
        seconds: u64,
    },
    /// Does a little of everything that must be quick (`cargo xtask profile` runs it)
    #[command(hide = true)]
    Train,
    /// Takes files through every step of the queue (started by the measurement itself)
    #[command(hide = true)]
    QueueWorker {
        /// Redis to work on
        redis_url: String,
        /// How many files wait there
        files: usize,
        /// How many of them warm it up
        warm: usize,
        /// How many at a time
        at_once: usize,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    image2model_host::allocator::keep_pages_small();
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::PeerStatus { redis_url }) => return peer::status(&redis_url).await,
        Some(Role::PeerUpload { folder }) => return peer::upload(folder).await,
        Some(Role::EdgeServer { manifest, redis_url, instances }) => {
            return host::server::edge(manifest, &redis_url, instances).await;
        }
        Some(Role::EdgePeer { redis_url }) => return host::server::native(&redis_url).await,
        Some(Role::StreamServer { redis_url }) => return streams::server::ours(&redis_url).await,
        Some(Role::StreamPeer { redis_url }) => return streams::server::peer(&redis_url).await,
        Some(Role::QueueWorker { redis_url, files, warm, at_once }) => {
            return queue::worker::work(&redis_url, files, warm, at_once).await;
        }
        Some(Role::Train) => return train::train().await,
        Some(Role::Soak { clients, seconds }) => {
            return streams::soak::run(clients, std::time::Duration::from_secs(seconds)).await;
        }
        None => {}
    }
    for measurement in Measurement::value_variants() {
        if arguments.names.is_empty() || arguments.names.contains(measurement) {
            measure(*measurement).await?;
        }
    }
    Ok(())
}

async fn measure(measurement: Measurement) -> anyhow::Result<()> {
    match measurement {
        Measurement::Status => status::measure().await,
        Measurement::Upload => upload::measure().await,
        Measurement::Start => start::measure(),
        Measurement::Queue => queue::measure().await,
        Measurement::Claim => claim::measure().await,
        Measurement::Memory => memory::measure().await,
        Measurement::Recovery => recovery::measure().await,
        Measurement::Streams => streams::measure().await,
        Measurement::Host => host::measure().await,
        Measurement::Swap => swap::measure().await,
    }
}
