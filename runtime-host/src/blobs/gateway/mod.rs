//! The internal HTTP door to the blob store, for components: they have no file system and no object store of their own.
//!
//! It listens apart from the public port, on loopback by default, and answers nobody without the token. Bodies pass in
//! pieces in both directions. Files that only the provider keeps are passed through it, too.

mod access;
mod conditions;
mod elsewhere;
mod inventory;
mod range;
mod serve;
mod thumbnail;

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Blobs, FreeSpace};
pub use elsewhere::{Chunks, Elsewhere, ElsewhereError};
use thumbnail::Maker;

/// What the gateway needs to know.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What callers must present.
    pub token: SecretString,
    /// Largest body, bytes.
    pub max_bytes: u64,
    /// What is to stay free of the disk; uploads are refused below it, results are not.
    pub min_free: FreeSpace,
    /// Opens files that the provider keeps.
    pub elsewhere: Arc<dyn Elsewhere>,
}

/// A bound gateway.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    blobs: Blobs,
    token: SecretString,
    max_bytes: u64,
    min_free: FreeSpace,
    elsewhere: Arc<dyn Elsewhere>,
    thumbnails: Maker,
}

impl Gateway {
    /// Binds the port.
    ///
    /// # Errors
    /// The system's, when the address cannot be bound.
    pub async fn bind(blobs: Blobs, config: GatewayConfig) -> std::io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let GatewayConfig { token, max_bytes, min_free, elsewhere, .. } = config;
        let state = State { blobs, token, max_bytes, min_free, elsewhere, thumbnails: Maker::default() };
        Ok(Self { listener, address, state: Arc::new(state) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then finishes the requests that run.
    ///
    /// # Errors
    /// The listener's.
    pub async fn run(self, stop: CancellationToken) -> std::io::Result<()> {
        let app = axum::Router::new().fallback(serve::answer).with_state(self.state);
        axum::serve(self.listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}
