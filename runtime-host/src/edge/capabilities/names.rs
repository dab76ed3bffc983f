//! Resolves names as the system does. What a wildcard lets a component reach is public addresses alone: never this machine
//! or its network, whatever a name says by the time it is asked.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use redis::RedisFuture;
use redis::io::AsyncDNSResolver;
use tower_service::Service;

use crate::outgoing::{NotPublic, resolve_public};

/// Which addresses of a name count.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// All that it has.
    All,
    /// Those that everybody can reach.
    Public,
}

/// A name that leads nowhere, told apart from an address that does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
pub(super) struct NoAddress;

impl NoAddress {
    /// Whether that is what went wrong.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl Names {
    async fn resolved(self, name: &str, port: u16) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        let found = match self {
            Self::All => tokio::net::lookup_host((name, port)).await.map(|all| all.collect::<Vec<_>>().into_iter()),
            Self::Public => resolve_public(name, port).await,
        };
        found.map_err(|error| if NotPublic::is(&error) { error } else { io::Error::new(error.kind(), NoAddress) })
    }
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let which = *self;
        // The port is put in by the connector.
        Box::pin(async move { which.resolved(name.as_str(), 0).await })
    }
}

impl AsyncDNSResolver for Names {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found: Box<dyn Iterator<Item = SocketAddr> + Send> = Box::new(self.resolved(host, port).await?);
            Ok(found)
        })
    }
}
