//! Resolves names as the system does, and leaves out every address that is not public: what a wildcard lets a component
//! reach is never this machine or its network, whatever a name says by the time it is asked.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use redis::RedisFuture;
use redis::io::AsyncDNSResolver;
use tower_service::Service;

use crate::outgoing::resolve_public;

/// See the module.
#[derive(Clone)]
pub(super) struct PublicOnly;

impl Service<Name> for PublicOnly {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // The port is put in by the connector.
        Box::pin(async move { resolve_public(name.as_str(), 0).await })
    }
}

impl AsyncDNSResolver for PublicOnly {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found: Box<dyn Iterator<Item = SocketAddr> + Send> = Box::new(resolve_public(host, port).await?);
            Ok(found)
        })
    }
}
