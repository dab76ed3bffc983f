//! Measurements of the product beside a native peer that does the same work, alternating in one run, as ratios.
//!
//! `cargo xtask bench [status] [upload] [start]`. The figures and what bounds them are in `bench/README.md`.

mod load;
mod peer;
mod start;
mod status;
mod upload;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures Image2Model beside native peers")]
struct Arguments {
    /// Which measurements to make; all of them when none is named
    names: Vec<String>,
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::PeerStatus { redis_url }) => return peer::status(&redis_url).await,
        Some(Role::PeerUpload { folder }) => return peer::upload(folder).await,
        None => {}
    }
    let wanted = |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|n| n == name);
    if wanted("status") {
        status::measure().await?;
    }
    if wanted("upload") {
        upload::measure().await?;
    }
    if wanted("start") {
        start::measure()?;
    }
    Ok(())
}
