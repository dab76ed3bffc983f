//! `spin:redis`: components share one multiplexed connection per address, and `open` is an entry in a table.
//! Bounds: only allowed addresses, private ones only where they are named; no command that blocks or changes a shared
//! connection, an answer or an error within `ANSWER_WITHIN`.

mod command;
mod link;
mod older;
mod operations;
mod pool;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use wasmtime::component::{Accessor, Resource};

use super::bindings::redis::{Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult};
use super::carried::Carried;
use super::{Grants, HasHost, HostState};
pub(crate) use link::{Leads, Link, REDIS_PORT};
pub(crate) use pool::RedisPool;

/// How addresses begin that a component may name.
const SCHEMES: [&str; 2] = ["redis", "rediss"];

/// Addresses one component can have open; more are `too-many-connections`.
const MAX_ADDRESSES: usize = 16;

/// What a guest's connection resource stands for.
pub struct Connection(Arc<Opened>);

/// A connection as one component has it.
struct Opened(Arc<Link>);

/// One component's way to Redis: the addresses it has been let through to.
pub(crate) struct RedisAccess {
    pool: Arc<RedisPool>,
    opened: RwLock<HashMap<String, Arc<Opened>>>,
}

impl RedisAccess {
    pub fn new(pool: Arc<RedisPool>) -> Self {
        Self { pool, opened: RwLock::default() }
    }

    fn known(&self, address: &str) -> Option<Arc<Opened>> {
        self.opened.read().get(address).cloned()
    }

    fn add(&self, address: String, leads: Leads) -> Result<Arc<Opened>, Error> {
        let mut opened = self.opened.write();
        if opened.len() >= MAX_ADDRESSES {
            // Held here alone: no instance has it open.
            opened.retain(|_, opened| Arc::strong_count(opened) > 1);
        }
        if opened.len() >= MAX_ADDRESSES {
            return Err(Error::TooManyConnections);
        }
        let link = Arc::new(Opened(self.pool.link(&address, leads)?));
        opened.insert(address, link.clone());
        Ok(link)
    }
}

impl HostState {
    /// The shared connection to `address`, if this component may reach it.
    fn open_redis(&self, address: String) -> Result<Arc<Opened>, Error> {
        if let Some(opened) = self.grants.redis.known(&address) {
            return Ok(opened);
        }
        let url = url::Url::parse(&address).map_err(|_| Error::InvalidAddress)?;
        let host = url.host_str().ok_or(Error::InvalidAddress)?;
        let (component, scheme) = (&*self.grants.component, url.scheme());
        // The client knows others, among them the path of a socket of this machine.
        if !SCHEMES.contains(&scheme) {
            tracing::warn!(component, scheme, "Redis address denied: its scheme is neither redis nor rediss");
            return Err(Error::InvalidAddress);
        }
        let Some(reach) = self.grants.allowed_hosts.reach(scheme, host, url.port()) else {
            let port = url.port();
            tracing::warn!(component, host, port, "Redis address denied: not in allowed_outbound_hosts");
            return Err(Error::InvalidAddress);
        };
        let is_own = self.grants.key_value.is_at(&url);
        let nodes = (!is_own).then(|| self.grants.allowed_hosts.of_schemes(&SCHEMES));
        self.grants.redis.add(address, Leads { reach, nodes })
    }
}

/// What a component is told of an answer that is not read; it begins as on Spin.
const ANSWER_TOO_LARGE: &str = "query result exceeds limit: the answer is too large";

impl Host for HostState {}
impl HostConnection for HostState {}

/// A command on its way: over which connection, and for which request.
struct Call {
    link: Arc<Link>,
    within: Option<String>,
    grants: Arc<Grants>,
    carried: Carried,
}

impl Call {
    fn by<T>(accessor: &Accessor<T, HasHost>, connection: &Resource<Connection>) -> wasmtime::Result<Self> {
        accessor.with(|mut access| Self::of(access.get(), connection))
    }

    fn of(state: &HostState, connection: &Resource<Connection>) -> wasmtime::Result<Self> {
        let link = state.table.get(connection)?.0.0.clone();
        let (grants, carried) = (state.grants.clone(), state.carried.clone());
        Ok(Self { link, within: state.traceparent(), grants, carried })
    }
}

impl<T: Send> HostConnectionWithStore<T> for HasHost {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| {
            let state = access.get();
            match state.open_redis(address) {
                Ok(opened) => Ok(Ok(state.table.push(Connection(opened))?)),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(Call::by(accessor, &connection)?.publish(channel, payload).await)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        Ok(Call::by(accessor, &connection)?.get(key).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(Call::by(accessor, &connection)?.set(key, value).await)
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> wasmtime::Result<Result<i64, Error>> {
        Ok(Call::by(accessor, &connection)?.incr(key).await)
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<u32, Error>> {
        Ok(Call::by(accessor, &connection)?.del(keys).await)
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> wasmtime::Result<Result<u32, Error>> {
        Ok(Call::by(accessor, &connection)?.sadd(key, values).await)
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        Ok(Call::by(accessor, &connection)?.smembers(key).await)
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> wasmtime::Result<Result<u32, Error>> {
        Ok(Call::by(accessor, &connection)?.srem(key, values).await)
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        name: String,
        arguments: Vec<RedisParameter>,
    ) -> wasmtime::Result<Result<Vec<RedisResult>, Error>> {
        Ok(Call::by(accessor, &connection)?.execute(&name, arguments).await)
    }

    async fn drop(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<()> {
        accessor.with(|mut access| {
            access.get().table.delete(connection)?;
            Ok(())
        })
    }
}
