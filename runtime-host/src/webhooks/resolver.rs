//! Names are resolved to public addresses only, at the moment of the call: what a name meant when its URL was accepted does
//! not count.

use std::net::SocketAddr;

use image2model_domain::webhook::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A name that leads nowhere public.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NotPublic;

/// Resolves as the system does, and leaves out every address that is not public.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is put in by the client.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
