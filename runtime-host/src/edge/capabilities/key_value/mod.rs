//! `spin:key-value`: stores of the application, each a hash in its Redis. A component opens those that its
//! `key_value_stores` name and no others. Bounds: the length of a key, the size of a value, how many keys are listed, how
//! many stores one instance has open.

use std::collections::BTreeSet;
use std::sync::Arc;

use image2model_domain::Keyspace;
use redis::{Cmd, FromRedisValue};
use secrecy::{ExposeSecret, SecretString};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::key_value::{Error, Host, HostStore, HostStoreWithStore};
use super::carried::{Carried, TOO_MUCH};
use super::redis::{Leads, Link, REDIS_PORT, RedisPool};
use super::{HasHost, HostState, bindings};

/// The longest key, bytes.
const LONGEST_KEY: usize = 1024;
/// The largest value, bytes.
const LARGEST_VALUE: usize = 1 << 20;
/// The most keys that are listed.
const MOST_LISTED: u64 = 100_000;
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
        Ok(Store { link, key: place.keys.key_value(label).into(), component, carried })
    }
}

/// What a guest's store stands for.
#[derive(Clone)]
pub struct Store {
    link: Arc<Link>,
    key: Arc<str>,
    /// Who opened it.
    component: Arc<str>,
    carried: Carried,
}

impl Store {
    fn command(&self, name: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(&*self.key);
        command
    }

    fn of_key(&self, name: &str, key: &str) -> Result<Cmd, Error> {
        if key.len() > LONGEST_KEY {
            return Err(Error::Other(format!("the key is longer than {LONGEST_KEY} bytes")));
        }
        let mut command = self.command(name);
        command.arg(key);
        Ok(command)
    }

    async fn typed<R: FromRedisValue>(&self, command: &Cmd) -> Result<R, Error> {
        let Some(_room) = self.carried.take(command) else { return Err(Error::Other(TOO_MUCH.into())) };
        self.link.typed(command, &self.component).await.map_err(failure)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.typed(&self.of_key("HGET", key)?).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        if value.len() > LARGEST_VALUE {
            return Err(Error::Other(format!("the value is larger than {LARGEST_VALUE} bytes")));
        }
        let mut command = self.of_key("HSET", key)?;
        command.arg(value);
        self.typed::<i64>(&command).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.typed::<i64>(&self.of_key("HDEL", key)?).await.map(drop)
    }

    async fn exists(&self, key: &str) -> Result<bool, Error> {
        self.typed(&self.of_key("HEXISTS", key)?).await
    }

    async fn keys(&self) -> Result<Vec<String>, Error> {
        let count: u64 = self.typed(&self.command("HLEN")).await?;
        if count > MOST_LISTED {
            return Err(Error::Other(format!("the store has more than {MOST_LISTED} keys, too many to be listed")));
        }
        self.typed(&self.command("HKEYS")).await
    }
}

fn failure(error: bindings::redis::Error) -> Error {
    Error::Other(match error {
        bindings::redis::Error::Other(text) => text,
        bindings::redis::Error::TooManyConnections => "too many connections".to_owned(),
        _ => "the store cannot be read".to_owned(),
    })
}

impl Host for HostState {}
impl HostStore for HostState {}

fn store<T>(accessor: &Accessor<T, HasHost>, store: &Resource<Store>) -> wasmtime::Result<Store> {
    accessor.with(|mut access| Ok(access.get().table.get(store)?.clone()))
}

impl<T: Send> HostStoreWithStore<T> for HasHost {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| {
            let state = access.get();
            if state.stores_open >= MOST_OPEN {
                return Ok(Err(Error::StoreTableFull));
            }
            match state.grants.key_value.open(&label, state.grants.component.clone(), state.carried.clone()) {
                Ok(store) => {
                    state.stores_open += 1;
                    Ok(Ok(state.table.push(store)?))
                }
                Err(error) => {
                    let component = &*state.grants.component;
                    tracing::warn!(component, label, ?error, "key-value store not opened");
                    Ok(Err(error))
                }
            }
        })
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
        accessor.with(|mut access| {
            let state = access.get();
            state.table.delete(this)?;
            state.stores_open = state.stores_open.saturating_sub(1);
            Ok(())
        })
    }
}
