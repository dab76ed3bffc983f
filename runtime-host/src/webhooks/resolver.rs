//! Names are resolved to public addresses only, at the moment of the call: what a name meant when its URL was accepted does
//! not count.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::outgoing::resolve_public;

/// See the module.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        // The port is put in by the client.
        Box::pin(async move { Ok(Box::new(resolve_public(name.as_str(), 0).await?) as Addrs) })
    }
}
