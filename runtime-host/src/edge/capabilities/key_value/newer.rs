//! `spin:key-value@3.0.0`. Concurrent: a call never holds its instance while it waits.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, Resource, StreamProducer, StreamReader, StreamResult, VecBuffer,
};

use super::Store;
use super::store::Listed;
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
        let (listed, ended) = match store.keys().await {
            Ok(listed) => (Some(listed), Ok(())),
            Err(error) => (None, Err(error)),
        };
        accessor.with(|mut access| {
            let stream = StreamReader::new(&mut access, Keys::of(listed))?;
            let future = FutureReader::new(&mut access, async move { Ok::<_, wasmtime::Error>(ended) })?;
            Ok((stream, future))
        })
    }

    async fn drop(accessor: &Accessor<T, Self>, this: Resource<Store>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().close_store(this))
    }
}

/// Keys that are handed to the guest as it reads them: until then they take room.
struct Keys {
    left: IntoIter<String>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Keys that are handed over at a time; of these nobody counts the room.
const PIECE: usize = 256;

impl Keys {
    fn of(listed: Option<Listed>) -> Self {
        let (keys, room) = listed.map(|Listed { keys, room }| (keys, room)).unzip();
        Self { left: keys.unwrap_or_default().into_iter(), _room: room }
    }
}

impl<D: 'static> StreamProducer<D> for Keys {
    type Item = String;
    type Buffer = VecBuffer<String>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, String, VecBuffer<String>>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(&mut store) != Some(0) {
            let piece: Vec<String> = self.left.by_ref().take(PIECE).collect();
            destination.set_buffer(piece.into());
        }
        Poll::Ready(Ok(if self.left.len() == 0 { StreamResult::Dropped } else { StreamResult::Completed }))
    }
}
