//! `fermyon:spin/redis@2.0.0`, the interface of older SDKs, over the same connections. Its calls hold their instance while
//! they wait; such components have one for each request.

use wasmtime::component::Resource;

use super::{Call, Connection};
use crate::edge::capabilities::HostState;
use crate::edge::capabilities::bindings::older::redis::{Error, Host, HostConnection, RedisParameter, RedisResult};
use crate::edge::capabilities::bindings::redis as newer;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for HostState {}

impl HostConnection for HostState {
    async fn open(&mut self, address: String) -> Answer<Resource<Connection>> {
        match self.open_redis(address) {
            Ok(opened) => Ok(Ok(self.table.push(Connection(opened))?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn publish(&mut self, connection: Resource<Connection>, channel: String, payload: Vec<u8>) -> Answer<()> {
        let call = Call::of(self, &connection)?;
        Ok(call.publish(channel, payload).await.map_err(Error::from))
    }

    async fn get(&mut self, connection: Resource<Connection>, key: String) -> Answer<Option<Vec<u8>>> {
        let call = Call::of(self, &connection)?;
        Ok(call.get(key).await.map_err(Error::from))
    }

    async fn set(&mut self, connection: Resource<Connection>, key: String, value: Vec<u8>) -> Answer<()> {
        let call = Call::of(self, &connection)?;
        Ok(call.set(key, value).await.map_err(Error::from))
    }

    async fn incr(&mut self, connection: Resource<Connection>, key: String) -> Answer<i64> {
        let call = Call::of(self, &connection)?;
        Ok(call.incr(key).await.map_err(Error::from))
    }

    async fn del(&mut self, connection: Resource<Connection>, keys: Vec<String>) -> Answer<u32> {
        let call = Call::of(self, &connection)?;
        Ok(call.del(keys).await.map_err(Error::from))
    }

    async fn sadd(&mut self, connection: Resource<Connection>, key: String, values: Vec<String>) -> Answer<u32> {
        let call = Call::of(self, &connection)?;
        Ok(call.sadd(key, values).await.map_err(Error::from))
    }

    async fn smembers(&mut self, connection: Resource<Connection>, key: String) -> Answer<Vec<String>> {
        let call = Call::of(self, &connection)?;
        Ok(call.smembers(key).await.map_err(Error::from))
    }

    async fn srem(&mut self, connection: Resource<Connection>, key: String, values: Vec<String>) -> Answer<u32> {
        let call = Call::of(self, &connection)?;
        Ok(call.srem(key, values).await.map_err(Error::from))
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        name: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let call = Call::of(self, &connection)?;
        let answer = call.execute(&name, arguments.into_iter().map(Into::into).collect()).await;
        Ok(answer.map(|all| all.into_iter().map(Into::into).collect()).map_err(Error::from))
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl From<newer::Error> for Error {
    fn from(error: newer::Error) -> Self {
        match error {
            newer::Error::InvalidAddress => Self::InvalidAddress,
            newer::Error::TooManyConnections => Self::TooManyConnections,
            newer::Error::TypeError => Self::TypeError,
            newer::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<RedisParameter> for newer::RedisParameter {
    fn from(parameter: RedisParameter) -> Self {
        match parameter {
            RedisParameter::Int64(number) => Self::Int64(number),
            RedisParameter::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<newer::RedisResult> for RedisResult {
    fn from(result: newer::RedisResult) -> Self {
        match result {
            newer::RedisResult::Nil => Self::Nil,
            newer::RedisResult::Status(text) => Self::Status(text),
            newer::RedisResult::Int64(number) => Self::Int64(number),
            newer::RedisResult::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
