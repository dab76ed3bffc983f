//! Resolves names as the system does, and leaves out every address that is not public: what a wildcard lets a component
//! reach is never this machine or its network, whatever a name says by the time it is asked.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use image2model_domain::webhook::is_public;
use redis::RedisFuture;
use redis::io::AsyncDNSResolver;
use tower_service::Service;

/// A name that leads nowhere public.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NotPublic;

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
        Box::pin(async move { resolve(name.as_str(), 0).await })
    }
}

impl AsyncDNSResolver for PublicOnly {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found: Box<dyn Iterator<Item = SocketAddr> + Send> = Box::new(resolve(host, port).await?);
            Ok(found)
        })
    }
}

async fn resolve(name: &str, port: u16) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
    public(tokio::net::lookup_host((name, port)).await?.collect())
}

fn public(found: Vec<SocketAddr>) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
    let public: Vec<SocketAddr> = found.into_iter().filter(|address| is_public(address.ip())).collect();
    if public.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, NotPublic));
    }
    Ok(public.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_back_in_leads_nowhere() {
        let all = |texts: &[&str]| public(texts.iter().map(|text| text.parse().unwrap()).collect());
        assert!(all(&["127.0.0.1:0", "10.0.0.1:0", "[::1]:0", "[::ffff:192.168.0.1]:0"]).is_err());
        assert_eq!(all(&["169.254.169.254:0", "93.184.216.34:0"]).unwrap().count(), 1);
    }
}
