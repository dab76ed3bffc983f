//! Key-value stores of the application, each a hash in its Redis. A component opens those that its `key_value_stores` name and
//! no others, by whichever interface its SDK knows: `spin:key-value@3`, `fermyon:spin/key-value@2.0.0`, `wasi:keyvalue`.
//! Bounds: how many stores one instance has open, and what `store.rs` says.

mod newer;
mod older;
mod store;
mod wasi;

use std::collections::BTreeSet;
use std::sync::Arc;

use image2model_domain::Keyspace;
use secrecy::{ExposeSecret, SecretString};
use wasmtime::component::Resource;

use super::HostState;
use super::bindings::key_value::Error;
use super::carried::Carried;
use super::redis::{Leads, REDIS_PORT, RedisPool};
pub use store::Store;
use store::failure;
pub use wasi::Cas;

/// Stores that one instance may have open.
const MOST_OPEN: usize = 256;

/// Where an application's stores are.
#[derive(Clone)]
pub struct KeyValue {
    /// The Redis.
    pub redis_url: SecretString,
    /// What its keys are called.
    pub keys: Keyspace,
}

/// What one component has of them.
pub(crate) struct KeyValueAccess {
    stores: BTreeSet<String>,
    pool: Arc<RedisPool>,
    place: Option<Arc<KeyValue>>,
}

impl KeyValueAccess {
    pub fn new(stores: BTreeSet<String>, pool: Arc<RedisPool>, place: Option<Arc<KeyValue>>) -> Self {
        Self { stores, pool, place }
    }

    /// None any more.
    pub fn clear(&mut self) {
        self.stores.clear();
    }

    /// Whether this is where the stores are: the service's own Redis, which the operator names.
    pub fn is_at(&self, address: &url::Url) -> bool {
        let own = self.place.as_deref().and_then(|place| url::Url::parse(place.redis_url.expose_secret()).ok());
        own.is_some_and(|own| {
            let is_same_host = (own.scheme(), own.host_str()) == (address.scheme(), address.host_str());
            is_same_host && own.port().unwrap_or(REDIS_PORT) == address.port().unwrap_or(REDIS_PORT)
        })
    }

    fn open(&self, label: &str, component: Arc<str>, carried: Carried) -> Result<Store, Error> {
        if !self.stores.contains(label) {
            return Err(Error::AccessDenied);
        }
        let place = self.place.as_deref().ok_or(Error::NoSuchStore)?;
        let link = self.pool.link(place.redis_url.expose_secret(), Leads::ANYWHERE).map_err(failure)?;
        Ok(Store::new(link, place.keys.key_value(label).into(), component, carried))
    }
}

impl HostState {
    /// Opens a store for the guest.
    fn open_store(&mut self, label: &str) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        if self.stores_open >= MOST_OPEN {
            return Ok(Err(Error::StoreTableFull));
        }
        match self.grants.key_value.open(label, self.grants.component.clone(), self.carried.clone()) {
            Ok(store) => {
                self.stores_open += 1;
                Ok(Ok(self.table.push(store)?))
            }
            Err(error) => {
                tracing::warn!(component = &*self.grants.component, label, ?error, "key-value store not opened");
                Ok(Err(error))
            }
        }
    }

    fn store_of(&self, store: &Resource<Store>) -> wasmtime::Result<Store> {
        Ok(self.table.get(store)?.clone())
    }

    fn close_store(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        self.stores_open = self.stores_open.saturating_sub(1);
        Ok(())
    }
}
