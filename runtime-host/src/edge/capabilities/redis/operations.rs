//! What the calls of both versions of the interface come to: a command, and its answer as one Rust type.

use redis::{Cmd, FromRedisValue, ToRedisArgs, Value};

use super::{Call, command, value};
use crate::edge::capabilities::bindings::redis::{Error, RedisParameter, RedisResult};
use crate::edge::capabilities::carried::TOO_MUCH;

impl Call {
    pub async fn publish(&self, channel: String, payload: Vec<u8>) -> Result<(), Error> {
        self.typed::<i64>(on("PUBLISH", channel, payload)).await.map(drop)
    }

    pub async fn get(&self, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.run(&of("GET", key)).await.and_then(value::payload)
    }

    pub async fn set(&self, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.typed(on("SET", key, value)).await
    }

    pub async fn incr(&self, key: String) -> Result<i64, Error> {
        self.typed(of("INCR", key)).await
    }

    pub async fn del(&self, keys: Vec<String>) -> Result<u32, Error> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.typed(of("DEL", keys)).await
    }

    pub async fn sadd(&self, key: String, values: Vec<String>) -> Result<u32, Error> {
        self.typed(on("SADD", key, values)).await
    }

    pub async fn smembers(&self, key: String) -> Result<Vec<String>, Error> {
        typed(value::members(self.run(&of("SMEMBERS", key)).await?)?)
    }

    pub async fn srem(&self, key: String, values: Vec<String>) -> Result<u32, Error> {
        self.typed(on("SREM", key, values)).await
    }

    pub async fn execute(&self, name: &str, arguments: Vec<RedisParameter>) -> Result<Vec<RedisResult>, Error> {
        command::check(name, &arguments).map_err(Error::Other)?;
        let answer: Value = self.run(&command::build(name, arguments)).await?;
        value::flatten(answer)
    }

    async fn run(&self, command: &Cmd) -> Result<Value, Error> {
        let Some(_room) = self.carried.take(command) else { return Err(Error::Other(TOO_MUCH.into())) };
        self.link.run(command, self.within.as_deref(), &self.grants.component).await
    }

    /// Runs a command whose answer has one Rust type.
    async fn typed<R: FromRedisValue>(&self, command: Cmd) -> Result<R, Error> {
        typed(self.run(&command).await?)
    }
}

/// An answer as the type that its command has.
pub(super) fn typed<R: FromRedisValue>(answer: Value) -> Result<R, Error> {
    R::from_redis_value(answer).map_err(|_| Error::TypeError)
}

fn of(name: &str, key: impl ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

fn on(name: &str, key: String, value: impl ToRedisArgs) -> Cmd {
    let mut command = of(name, key);
    command.arg(value);
    command
}
