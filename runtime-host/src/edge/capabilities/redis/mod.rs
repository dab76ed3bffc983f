//! `spin:redis`: components share one multiplexed connection per address, and `open` is an entry in a table.
//! Bounds: only allowed addresses, private ones only where they are named; no command that blocks or changes a shared
//! connection, an answer or an error within `ANSWER_WITHIN`.

mod command;
mod link;
mod pool;
mod value;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use redis::{Cmd, FromRedisValue, Value};
use wasmtime::AsContextMut as _;
use wasmtime::component::{Accessor, Resource};

use super::bindings::redis::{Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult};
use super::{Grants, HasHost, HostState, Reach};
use link::Link;
pub(crate) use pool::RedisPool;

/// Addresses one component can have open; more are `too-many-connections`.
const MAX_ADDRESSES: usize = 16;

/// What a guest's connection resource stands for.
pub struct Connection(Arc<Link>);

/// One component's way to Redis: the addresses it has been let through to.
pub(crate) struct RedisAccess {
    pool: Arc<RedisPool>,
    opened: RwLock<HashMap<String, Arc<Link>>>,
}

impl RedisAccess {
    pub fn new(pool: Arc<RedisPool>) -> Self {
        Self { pool, opened: RwLock::default() }
    }

    fn known(&self, address: &str) -> Option<Arc<Link>> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn add(&self, address: String, reach: Reach) -> Result<Arc<Link>, Error> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= MAX_ADDRESSES {
            // Held by the pool and here: no instance has it open.
            opened.retain(|_, link| Arc::strong_count(link) > 2);
        }
        if opened.len() >= MAX_ADDRESSES {
            return Err(Error::TooManyConnections);
        }
        let link = self.pool.link(&address, reach)?;
        opened.insert(address, link.clone());
        Ok(link)
    }
}

impl HostState {
    /// The shared connection to `address`, if this component may reach it.
    fn open_redis(&self, address: String) -> Result<Arc<Link>, Error> {
        if let Some(link) = self.grants.redis.known(&address) {
            return Ok(link);
        }
        let url = url::Url::parse(&address).map_err(|_| Error::InvalidAddress)?;
        let host = url.host_str().ok_or(Error::InvalidAddress)?;
        let Some(reach) = self.grants.allowed_hosts.reach(url.scheme(), host, url.port()) else {
            tracing::warn!(
                component = &*self.grants.component,
                host,
                port = url.port(),
                "Redis address denied: not in allowed_outbound_hosts"
            );
            return Err(Error::InvalidAddress);
        };
        self.grants.redis.add(address, reach)
    }
}

impl Host for HostState {}
impl HostConnection for HostState {}

/// A command on its way: over which connection, and for which request.
struct Call {
    link: Arc<Link>,
    within: Option<String>,
    grants: Arc<Grants>,
}

impl Call {
    /// Asks who calls, which is known only now.
    fn by<T>(accessor: &Accessor<T, HasHost>, connection: &Resource<Connection>) -> wasmtime::Result<Self> {
        accessor.with(|mut access| {
            let within = if access.get().asked.is_empty() {
                None
            } else {
                let stack: Vec<_> = access.as_context_mut().async_call_stack()?.collect();
                access.get().asked.within(&stack)
            };
            let state = access.get();
            Ok(Self { link: state.table.get(connection)?.0.clone(), within, grants: state.grants.clone() })
        })
    }

    async fn run(&self, command: &Cmd) -> Result<Value, Error> {
        self.link.run(command, self.within.as_deref(), &self.grants.component).await
    }
}

/// Runs a command whose answer has one Rust type.
async fn typed<T, R: FromRedisValue>(
    accessor: &Accessor<T, HasHost>,
    connection: Resource<Connection>,
    command: Cmd,
) -> wasmtime::Result<Result<R, Error>> {
    let answer = Call::by(accessor, &connection)?.run(&command).await;
    Ok(answer.and_then(|value| R::from_redis_value(value).map_err(|_| Error::TypeError)))
}

fn command(name: &str, key: impl redis::ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

impl<T: Send> HostConnectionWithStore<T> for HasHost {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| {
            let state = access.get();
            match state.open_redis(address) {
                Ok(link) => Ok(Ok(state.table.push(Connection(link))?)),
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
        let mut publish = command("PUBLISH", channel);
        publish.arg(payload);
        Ok(typed::<_, i64>(accessor, connection, publish).await?.map(|_| ()))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let call = Call::by(accessor, &connection)?;
        Ok(call.run(&command("GET", key)).await.and_then(value::payload))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let mut set = command("SET", key);
        set.arg(value);
        typed(accessor, connection, set).await
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> wasmtime::Result<Result<i64, Error>> {
        typed(accessor, connection, command("INCR", key)).await
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<u32, Error>> {
        if keys.is_empty() {
            return Ok(Ok(0));
        }
        typed(accessor, connection, command("DEL", keys)).await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> wasmtime::Result<Result<u32, Error>> {
        let mut sadd = command("SADD", key);
        sadd.arg(values);
        typed(accessor, connection, sadd).await
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        typed(accessor, connection, command("SMEMBERS", key)).await
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> wasmtime::Result<Result<u32, Error>> {
        let mut srem = command("SREM", key);
        srem.arg(values);
        typed(accessor, connection, srem).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        name: String,
        arguments: Vec<RedisParameter>,
    ) -> wasmtime::Result<Result<Vec<RedisResult>, Error>> {
        if let Err(reason) = command::check(&name, &arguments) {
            return Ok(Err(Error::Other(reason)));
        }
        let call = Call::by(accessor, &connection)?;
        let answer: Result<Value, Error> = call.run(&command::build(&name, arguments)).await;
        Ok(answer.and_then(value::flatten))
    }

    async fn drop(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<()> {
        accessor.with(|mut access| {
            access.get().table.delete(connection)?;
            Ok(())
        })
    }
}
