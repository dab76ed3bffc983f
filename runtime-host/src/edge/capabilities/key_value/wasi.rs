//! `wasi:keyvalue`, the draft that Spin answers too, over the same stores. A compare-and-swap holds what it has seen, and one
//! script in Redis compares and swaps. Its calls hold their instance while they wait.

use wasmtime::component::Resource;

use super::Store;
use super::store::Seen;
use crate::edge::capabilities::HostState;
use crate::edge::capabilities::bindings::drafts::atomics::{self, CasError, HostCas};
use crate::edge::capabilities::bindings::drafts::batch;
use crate::edge::capabilities::bindings::drafts::store::{self, Error, HostBucket, KeyResponse};
use crate::edge::capabilities::bindings::key_value as newer;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// A key, and what it held when the guest looked.
pub struct Cas {
    store: Store,
    key: String,
    seen: Seen,
}

impl store::Host for HostState {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Store>> {
        Ok(self.open_store(&identifier)?.map_err(Error::from))
    }
}

impl HostBucket for HostState {
    async fn get(&mut self, this: Resource<Store>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(self.store_of(&this)?.get(&key).await.map_err(Error::from))
    }

    async fn set(&mut self, this: Resource<Store>, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(self.store_of(&this)?.set(&key, &value).await.map_err(Error::from))
    }

    async fn delete(&mut self, this: Resource<Store>, key: String) -> Answer<()> {
        Ok(self.store_of(&this)?.delete(&key).await.map_err(Error::from))
    }

    async fn exists(&mut self, this: Resource<Store>, key: String) -> Answer<bool> {
        Ok(self.store_of(&this)?.exists(&key).await.map_err(Error::from))
    }

    async fn list_keys(&mut self, this: Resource<Store>, cursor: Option<String>) -> Answer<KeyResponse> {
        if cursor.is_some() {
            return Ok(Err(Error::Other("there is no cursor here: all keys come at once".into())));
        }
        let listed = self.store_of(&this)?.keys().await;
        Ok(listed.map(|listed| KeyResponse { keys: listed.keys, cursor: None }).map_err(Error::from))
    }

    async fn drop(&mut self, this: Resource<Store>) -> wasmtime::Result<()> {
        self.close_store(this)
    }
}

impl batch::Host for HostState {
    async fn get_many(&mut self, this: Resource<Store>, keys: Vec<String>) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        Ok(self.store_of(&this)?.get_many(keys).await.map_err(Error::from))
    }

    async fn set_many(&mut self, this: Resource<Store>, key_values: Vec<(String, Vec<u8>)>) -> Answer<()> {
        Ok(self.store_of(&this)?.set_many(&key_values).await.map_err(Error::from))
    }

    async fn delete_many(&mut self, this: Resource<Store>, keys: Vec<String>) -> Answer<()> {
        Ok(self.store_of(&this)?.delete_many(&keys).await.map_err(Error::from))
    }
}

impl atomics::Host for HostState {
    async fn increment(&mut self, this: Resource<Store>, key: String, delta: i64) -> Answer<i64> {
        Ok(self.store_of(&this)?.increment(&key, delta).await.map_err(Error::from))
    }

    async fn swap(&mut self, this: Resource<Cas>, value: Vec<u8>) -> wasmtime::Result<Result<(), CasError>> {
        let Cas { store, key, seen } = self.table.delete(this)?;
        let failed = |error: newer::Error| CasError::StoreError(error.into());
        Ok(match store.swap(&key, &seen, &value).await {
            Ok(true) => Ok(()),
            // The guest may try again with what there is now.
            Ok(false) => match store.seen(&key).await {
                Ok(seen) => Err(CasError::CasFailed(self.table.push(Cas { store, key, seen })?)),
                Err(error) => Err(failed(error)),
            },
            Err(error) => Err(failed(error)),
        })
    }
}

impl HostCas for HostState {
    async fn new(&mut self, this: Resource<Store>, key: String) -> Answer<Resource<Cas>> {
        let store = self.store_of(&this)?;
        match store.seen(&key).await {
            Ok(seen) => Ok(Ok(self.table.push(Cas { store, key, seen })?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// Looks again: what is swapped is what the guest has seen last.
    async fn current(&mut self, this: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        let cas = self.table.get(&this)?;
        let (store, key) = (cas.store.clone(), cas.key.clone());
        match store.seen(&key).await {
            Ok(seen) => {
                let value = seen.value.clone();
                self.table.get_mut(&this)?.seen = seen;
                Ok(Ok(value))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn drop(&mut self, this: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl From<newer::Error> for Error {
    fn from(error: newer::Error) -> Self {
        match error {
            newer::Error::StoreTableFull => Self::Other("too many stores are open".into()),
            newer::Error::NoSuchStore => Self::NoSuchStore,
            newer::Error::AccessDenied => Self::AccessDenied,
            newer::Error::Other(text) => Self::Other(text),
        }
    }
}
