//! The host's connection to Redis: one multiplexed connection, reconnected by itself, every answer within two seconds.
//!
//! A call whose connection breaks after it was sent is *not* repeated here: only its caller knows whether that is safe.

use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, ServerErrorKind, Value as Raw};
use image2model_domain::Keyspace;
use image2model_domain::script::{Arg, Call, Command, Replies, Value};

use super::RedisError;
use crate::crash;

/// How long a caller waits at most, connecting included.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// Where jobs live. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Store {
    client: Client,
    manager: ConnectionManager,
    keys: Keyspace,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares the connection; it is made with the first call, so this does not wait for Redis. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`RedisError::Address`] when the URL cannot be read.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        Self::open_partition(url, Keyspace::single())
    }

    /// The same for one partition of several.
    ///
    /// # Errors
    /// [`RedisError::Address`] when the URL cannot be read.
    pub fn open_partition(url: &str, keys: Keyspace) -> Result<Self, RedisError> {
        let client = Client::open(url).map_err(|_| RedisError::Address)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(500))
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let manager = client.get_connection_manager_lazy(config)?;
        Ok(Self { client, manager, keys })
    }

    /// The names of the keys.
    #[must_use]
    pub fn keys(&self) -> &Keyspace {
        &self.keys
    }

    /// Runs a transition or a look of the domain.
    ///
    /// # Errors
    /// [`RedisError`]; after [`RedisError::Unavailable`] the script may or may not have run.
    pub async fn run<C: Command>(&self, command: &C) -> Result<C::Reply, RedisError> {
        let call = command.call(&self.keys);
        let raw = crash::around(call.script.name(), self.evaluate(&call)).await?;
        let mut values = Vec::new();
        flatten(raw, &mut values);
        Ok(command.read(Replies::new(call.script, values))?)
    }

    async fn evaluate(&self, call: &Call) -> Result<Raw, ::redis::RedisError> {
        match self.send(&script_command("EVALSHA", call.script.sha1(), call)).await {
            Err(e) if e.kind() == ::redis::ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&script_command("EVAL", call.script.source(), call)).await
            }
            other => other,
        }
    }

    /// Sends any one command.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let raw = self.send(command).await?;
        T::from_redis_value(raw).map_err(|e| RedisError::Refused(e.to_string()))
    }

    /// Sends several commands at once, whose answers do not matter.
    ///
    /// # Errors
    /// [`RedisError`]; some of them may have been done.
    pub async fn pipeline(&self, commands: &Pipeline) -> Result<(), RedisError> {
        let mut manager = self.manager.clone();
        match tokio::time::timeout(ANSWER_WITHIN, commands.exec_async(&mut manager)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(::redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()),
        }
    }

    /// Whether Redis answers, and how long that took.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn ping(&self) -> Result<Duration, RedisError> {
        let started = tokio::time::Instant::now();
        let _: String = self.query(&::redis::cmd("PING")).await?;
        Ok(started.elapsed())
    }

    /// A connection of its own for commands that block up to `longest`.
    pub(super) async fn blocking_connection(
        &self,
        longest: Duration,
    ) -> Result<::redis::aio::MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(longest + ANSWER_WITHIN));
        Ok(self.client.get_multiplexed_async_connection_with_config(&config).await?)
    }

    async fn send(&self, command: &Cmd) -> Result<Raw, ::redis::RedisError> {
        let mut manager = self.manager.clone();
        match tokio::time::timeout(ANSWER_WITHIN, manager.send_packed_command(command)).await {
            Ok(answer) => answer.and_then(Raw::extract_error_or_self),
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}

/// Puts a server error that is a value into the error path.
trait ExtractError: Sized {
    fn extract_error_or_self(self) -> Result<Self, ::redis::RedisError>;
}

impl ExtractError for Raw {
    fn extract_error_or_self(self) -> Result<Self, ::redis::RedisError> {
        match self {
            Self::ServerError(error) => Err(error.into()),
            other => Ok(other),
        }
    }
}

fn script_command(verb: &str, script: &str, call: &Call) -> Cmd {
    let mut command = ::redis::cmd(verb);
    command.arg(script).arg(1).arg(&call.key);
    for arg in &call.args {
        match arg {
            Arg::Int(n) => command.arg(*n),
            Arg::Bytes(bytes) => command.arg(bytes.as_slice()),
        };
    }
    command
}

/// Takes nesting out, as spin:redis does, so that a script reads the same on both sides.
fn flatten(raw: Raw, into: &mut Vec<Value>) {
    match raw {
        Raw::Nil => into.push(Value::Nil),
        Raw::Int(n) => into.push(Value::Int(n)),
        Raw::Boolean(b) => into.push(Value::Int(i64::from(b))),
        Raw::BulkString(bytes) => into.push(Value::Bytes(bytes)),
        Raw::SimpleString(text) | Raw::VerbatimString { text, .. } => into.push(Value::Bytes(text.into_bytes())),
        Raw::Okay => into.push(Value::Bytes(b"OK".to_vec())),
        Raw::Double(d) => into.push(Value::Bytes(d.to_string().into_bytes())),
        Raw::Array(items) | Raw::Set(items) => items.into_iter().for_each(|item| flatten(item, into)),
        Raw::Map(pairs) => pairs.into_iter().for_each(|(k, v)| {
            flatten(k, into);
            flatten(v, into);
        }),
        Raw::Attribute { data, .. } => flatten(*data, into),
        other => into.push(Value::Bytes(format!("{other:?}").into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_replies_become_flat() {
        let nested =
            Raw::Array(vec![Raw::Int(1), Raw::Array(vec![Raw::BulkString(b"a".to_vec()), Raw::Nil]), Raw::Okay]);
        let mut flat = Vec::new();
        flatten(nested, &mut flat);
        let expected = [Value::Int(1), Value::Bytes(b"a".to_vec()), Value::Nil, Value::Bytes(b"OK".to_vec())];
        assert_eq!(flat, expected);
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_without_repeating_it() {
        let error = Store::open("http://user:secret@nowhere").unwrap_err();
        assert!(matches!(error, RedisError::Address));
        assert!(!error.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn no_redis_is_said_within_the_limit_and_can_be_tried_again() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let store = Store::open(&format!("redis://{free}")).unwrap();
        let error = store.ping().await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(error.status(), 503);
    }
}
