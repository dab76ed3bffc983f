//! `spin:key-value@3.0.0`. Concurrent: a call never holds its instance while it waits.

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::Store;
use crate::edge::capabilities::bindings::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::edge::capabilities::{HasHost, HostState};

impl Host for HostState {}
impl HostStore for HostState {}

fn store<T>(accessor: &Accessor<T, HasHost>, store: &Resource<Store>) -> wasmtime::Result<Store> {
    accessor.with(|mut access| access.get().store_of(store))
}

impl<T: Send> HostStoreWithStore<T> for HasHost {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| access.get().open_store(&label))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        this: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let store = store(accessor, &this)?;
        Ok(store.get(&key).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        this: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = store(accessor, &this)?;
        Ok(store.set(&key, &value).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        this: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = store(accessor, &this)?;
        Ok(store.delete(&key).await)
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        this: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let store = store(accessor, &this)?;
        Ok(store.exists(&key).await)
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        this: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let store = store(accessor, &this)?;
        let (keys, ended) = match store.keys().await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let stream = StreamReader::new(&mut access, keys)?;
            let future = FutureReader::new(&mut access, async move { Ok::<_, wasmtime::Error>(ended) })?;
            Ok((stream, future))
        })
    }

    async fn drop(accessor: &Accessor<T, Self>, this: Resource<Store>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().close_store(this))
    }
}
