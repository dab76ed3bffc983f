//! `fermyon:spin/key-value@2.0.0`, the interface of older SDKs, over the same stores. Its calls hold their instance while they
//! wait; such components have one for each request.

use wasmtime::component::Resource;

use super::Store;
use crate::edge::capabilities::HostState;
use crate::edge::capabilities::bindings::key_value as newer;
use crate::edge::capabilities::bindings::older::key_value::{Error, Host, HostStore};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for HostState {}

impl HostStore for HostState {
    async fn open(&mut self, label: String) -> Answer<Resource<Store>> {
        Ok(self.open_store(&label)?.map_err(Error::from))
    }

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

    async fn get_keys(&mut self, this: Resource<Store>) -> Answer<Vec<String>> {
        Ok(self.store_of(&this)?.keys().await.map(|listed| listed.keys).map_err(Error::from))
    }

    async fn drop(&mut self, this: Resource<Store>) -> wasmtime::Result<()> {
        self.close_store(this)
    }
}

impl From<newer::Error> for Error {
    fn from(error: newer::Error) -> Self {
        match error {
            newer::Error::StoreTableFull => Self::StoreTableFull,
            newer::Error::NoSuchStore => Self::NoSuchStore,
            newer::Error::AccessDenied => Self::AccessDenied,
            newer::Error::Other(text) => Self::Other(text),
        }
    }
}
