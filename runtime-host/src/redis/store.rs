//! The host's connection to Redis: one multiplexed connection, reconnected by itself, every answer within two seconds.
//!
//! A call whose connection breaks after it was sent is *not* repeated here: only its caller knows whether that is safe.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, ServerErrorKind, Value as Raw};
use image2model_domain::Keyspace;
use image2model_domain::script::{Arg, Call, Command, Replies, Value};

use super::RedisError;
use super::home::{Home, Patience};
use crate::crash;
use crate::trace::{self, Span};

/// How long a caller waits at most, connecting included.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How many replicas have to have what must not be lost with the primary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replicas {
    /// So many; 0 asks none.
    pub count: u32,
    /// How long they may take to say so.
    pub within: Duration,
}

/// Where the jobs of a cell live. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Store {
    home: Arc<Home>,
    keys: Keyspace,
    replicas: Replicas,
    /// Waits for replicas hold up whatever is sent behind them: they have a connection to themselves.
    replicated: Arc<Home>,
    /// What its scripts are run for.
    within: Span,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares the connection; it is made with the first call, so this does not wait for Redis. Calls need a Tokio runtime.
    ///
    /// # Errors
    /// [`RedisError::Address`] when the URL cannot be read.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        Self::open_cell(url, Keyspace::single())
    }

    /// The same for one cell of several.
    ///
    /// # Errors
    /// [`RedisError::Address`] when the URL cannot be read.
    pub fn open_cell(url: &str, keys: Keyspace) -> Result<Self, RedisError> {
        let patience = Patience { connect: CONNECT_WITHIN, answer: ANSWER_WITHIN };
        let home = Home::open(url, patience).map_err(|_| RedisError::Address)?;
        let replicated = Arc::new(home.another(patience));
        Ok(Self { home: Arc::new(home), keys, replicas: Replicas::default(), replicated, within: Span::default() })
    }

    /// What [`Store::run_replicated`] waits for.
    #[must_use]
    pub fn with_replicas(self, replicas: Replicas) -> Self {
        let patience = self.home.patience();
        let patience = Patience { answer: patience.answer + replicas.within, ..patience };
        Self { replicas, replicated: Arc::new(self.home.another(patience)), ..self }
    }

    /// The same connection, for one piece of work: scripts that are run by it are parts of that.
    #[must_use]
    pub fn within(&self, work: &Span) -> Self {
        Self { within: work.clone(), ..self.clone() }
    }

    /// How many replicas have to have what must not be lost.
    #[must_use]
    pub fn replicas(&self) -> Replicas {
        self.replicas
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
        let raw = self.told(&call, self.evaluate(&call)).await?;
        read(command, &call, raw)
    }

    /// Runs a transition, and answers only when as many replicas have it as the configuration asks for: what is done next
    /// must not outlive it. Without replicas to wait for it is [`Store::run`].
    ///
    /// # Errors
    /// [`RedisError`]; after [`RedisError::NotReplicated`] it is done, but a failover may forget it: run it again, or do
    /// not act on it.
    pub async fn run_replicated<C: Command>(&self, command: &C) -> Result<C::Reply, RedisError> {
        if self.replicas.count == 0 {
            return self.run(command).await;
        }
        let call = command.call(&self.keys);
        let (raw, acknowledged) = self.told(&call, self.evaluate_replicated(&call)).await?;
        if acknowledged < self.replicas.count {
            return Err(RedisError::NotReplicated { acknowledged, wanted: self.replicas.count });
        }
        read(command, &call, raw)
    }

    /// Runs a script as a part of the work that it is for.
    async fn told<T>(
        &self,
        call: &Call,
        running: impl Future<Output = Result<T, ::redis::RedisError>>,
    ) -> Result<T, ::redis::RedisError> {
        let span = trace::script(&self.within, call.script.name());
        let answer = crash::around(call.script.name(), running).await;
        answer.inspect_err(|error| span.refused(error))
    }

    async fn evaluate_replicated(&self, call: &Call) -> Result<(Raw, u32), ::redis::RedisError> {
        match self.send_replicated(&script_command("EVALSHA", call.script.sha1(), call)).await {
            Err(e) if e.kind() == ::redis::ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send_replicated(&script_command("EVAL", call.script.source(), call)).await
            }
            other => other,
        }
    }

    /// A command, directly followed on the same connection by the wait for its replication: its answer, and how many
    /// replicas have it.
    async fn send_replicated(&self, command: &Cmd) -> Result<(Raw, u32), ::redis::RedisError> {
        let within = u64::try_from(self.replicas.within.as_millis()).unwrap_or(u64::MAX);
        let mut both = ::redis::pipe();
        both.add_command(command.clone()).cmd("WAIT").arg(self.replicas.count).arg(within);
        let mut answers = self.replicated.send_all(&both).await?.into_iter();
        let mut answer = || answers.next().unwrap_or(Raw::Nil).extract_error();
        Ok((answer()?, u32::from_redis_value(answer()?)?))
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

    /// What time it is, milliseconds since 1970: by Redis' clock, as this process' own may differ from others'.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn now_ms(&self) -> Result<i64, RedisError> {
        let (seconds, micros): (i64, i64) = self.query(&::redis::cmd("TIME")).await?;
        Ok(seconds.saturating_mul(1000).saturating_add(micros / 1000))
    }

    /// Sends several commands at once, whose answers do not matter; not as a transaction.
    ///
    /// # Errors
    /// [`RedisError`]; some of them may have been done.
    pub async fn pipeline(&self, commands: &Pipeline) -> Result<(), RedisError> {
        for answer in self.home.send_all(commands).await? {
            answer.extract_error()?;
        }
        Ok(())
    }

    /// Whether the Redis that has our keys answers, and how long that took. A bare `PING` any node of a cluster answers.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn ping(&self) -> Result<Duration, RedisError> {
        let started = tokio::time::Instant::now();
        let _: i64 = self.query(::redis::cmd("EXISTS").arg(self.keys.anchor())).await?;
        Ok(started.elapsed())
    }

    /// A connection of its own, to the node that has our keys, for commands that block up to `longest`.
    pub(super) async fn blocking_connection(
        &self,
        longest: Duration,
    ) -> Result<::redis::aio::MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(longest + ANSWER_WITHIN));
        self.ping().await?;
        Ok(self.home.connection(&config).await?)
    }

    async fn send(&self, command: &Cmd) -> Result<Raw, ::redis::RedisError> {
        self.home.send(command).await
    }
}

fn read<C: Command>(command: &C, call: &Call, raw: Raw) -> Result<C::Reply, RedisError> {
    let mut values = Vec::new();
    flatten(raw, &mut values);
    Ok(command.read(Replies::new(call.script, values))?)
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
