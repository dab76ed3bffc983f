//! Redis: one connection kept per instance, opened again when it fails, every call bounded in time.
//!
//! In a Redis Cluster one node has all keys of a cell. The runtime host finds it by itself; on Spin the first call meets
//! `MOVED`, and the instance keeps a connection to the node that it names.
//!
//! On Spin each `open` is a TCP connection, so an instance keeps one. A kept connection may have died unnoticed: a call
//! that fails on one is sent once more on a new one. Every script bears that (a repeated `CreateJob` answers `Exists` for
//! the id that this very call made; a counter may count one too many).

mod moved;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use image2model_domain::Keyspace;
use image2model_domain::script::{Arg, Call, Command, Replies, UnexpectedReply, Value};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

use crate::{clock, config};

/// A call, opening included, may take this long; twice with the repetition. A request that fails for want of Redis makes no
/// other call after that, and so is answered within two seconds.
const PATIENCE: Duration = Duration::from_millis(900);

/// Why Redis did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// It cannot be reached, or cannot serve at the moment. Trying again later helps.
    #[error("redis is away: {0}")]
    Away(String),
    /// It refused the command: a fault of ours.
    #[error("redis refused {command}: {why}")]
    Refused {
        /// The command or the script.
        command: String,
        /// Its own words.
        why: String,
    },
    /// It does not have the script yet.
    #[error("redis does not know the script")]
    NoScript,
    /// Another node of the cluster has the cell's keys, and could not be used either.
    #[error("redis has moved the keys to {0}")]
    Moved(String),
    /// A reply that the script does not promise.
    #[error(transparent)]
    Reply(#[from] UnexpectedReply),
    /// The address is not configured.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
}

impl RedisError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Away(_) | Self::NoScript | Self::Moved(_))
    }
}

thread_local! {
    static KEPT: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
    static KEYS: RefCell<Option<Rc<Keyspace>>> = const { RefCell::new(None) };
}

/// The names of this cell's keys, by the variable `redis_key_prefix`.
///
/// # Errors
/// [`RedisError::Config`] when the variable cannot be used.
pub async fn keys() -> Result<Rc<Keyspace>, RedisError> {
    const NAME: &str = "redis_key_prefix";
    if let Some(keys) = KEYS.with_borrow(Clone::clone) {
        return Ok(keys);
    }
    let prefix = config::text(NAME).await?;
    let keys = Rc::new(Keyspace::with_prefix(&prefix).ok_or(config::ConfigError::NotAPrefix(NAME))?);
    KEYS.with_borrow_mut(|known| *known = Some(Rc::clone(&keys)));
    Ok(keys)
}

/// Runs a command of the domain: `EVALSHA`, and `EVAL` when Redis does not know the script.
///
/// # Errors
/// [`RedisError`].
pub async fn run<C: Command>(command: &C) -> Result<C::Reply, RedisError> {
    let keys = keys().await?;
    let call = command.call(&keys);
    let values = match send("EVALSHA", &parameters(&call, call.script.sha1())).await {
        Err(RedisError::NoScript) => send("EVAL", &parameters(&call, call.script.source())).await,
        other => other,
    };
    let values = values.map_err(|e| name_script(e, call.script.name()))?;
    Ok(command.read(Replies::new(call.script, values))?)
}

/// Whether the Redis that has our keys answers. A bare `PING` any node of a cluster answers.
///
/// # Errors
/// [`RedisError`].
pub async fn ping() -> Result<(), RedisError> {
    execute("EXISTS", &[&keys().await?.anchor()]).await.map(|_| ())
}

/// What time it is, milliseconds since 1970, by Redis' clock: for what several hosts compare.
///
/// # Errors
/// [`RedisError`].
pub async fn now_ms() -> Result<i64, RedisError> {
    let time = texts("TIME", &[]).await?;
    let number = |place: usize| time.get(place).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    Ok(number(0).saturating_mul(1000).saturating_add(number(1) / 1000))
}

/// Sends a plain command, `["HGET", key, field]`, and answers its reply, flattened.
///
/// # Errors
/// [`RedisError`].
pub async fn execute(command: &str, args: &[&str]) -> Result<Vec<Value>, RedisError> {
    let parameters: Vec<_> = args.iter().map(|a| RedisParameter::Binary(a.as_bytes().to_vec())).collect();
    send(command, &parameters).await
}

/// A plain command's reply as texts; what is not there reads as empty.
///
/// # Errors
/// [`RedisError`].
pub async fn texts(command: &str, args: &[&str]) -> Result<Vec<String>, RedisError> {
    Ok(execute(command, args).await?.iter().map(|v| as_text(v).unwrap_or_default()).collect())
}

/// A plain command's first reply as text, `None` when there is nothing.
///
/// # Errors
/// [`RedisError`].
pub async fn text(command: &str, args: &[&str]) -> Result<Option<String>, RedisError> {
    Ok(execute(command, args).await?.first().and_then(as_text))
}

/// A plain command's first reply as a number, 0 when there is none.
///
/// # Errors
/// [`RedisError`].
pub async fn number(command: &str, args: &[&str]) -> Result<i64, RedisError> {
    Ok(text(command, args).await?.and_then(|t| t.parse().ok()).unwrap_or_default())
}

/// One field of a hash, `None` when it is not there.
///
/// # Errors
/// [`RedisError`].
pub async fn hget(key: &str, field: &str) -> Result<Option<String>, RedisError> {
    text("HGET", &[key, field]).await
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Nil => None,
        Value::Int(n) => Some(n.to_string()),
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn parameters(call: &Call, script: &str) -> Vec<RedisParameter> {
    let head = [script.as_bytes().to_vec(), b"1".to_vec(), call.key.as_bytes().to_vec()].map(RedisParameter::Binary);
    let args = call.args.iter().map(|arg| match arg {
        Arg::Int(n) => RedisParameter::Int64(*n),
        Arg::Bytes(bytes) => RedisParameter::Binary(bytes.clone()),
    });
    head.into_iter().chain(args).collect()
}

/// Sends on the kept connection; when that one fails, on a new one.
async fn send(command: &str, parameters: &[RedisParameter]) -> Result<Vec<Value>, RedisError> {
    let kept = KEPT.with_borrow(Clone::clone);
    if let Some(connection) = kept {
        match bounded(send_on(&connection, command, parameters)).await {
            Err(RedisError::Away(_) | RedisError::Moved(_)) => KEPT.with_borrow_mut(|kept| {
                kept.take_if(|k| Rc::ptr_eq(k, &connection));
            }),
            other => return other,
        }
    }
    bounded(async {
        let address = config::text("redis_url").await?;
        match send_anew(&address, command, parameters).await {
            Err(RedisError::Moved(node)) => {
                let address = moved::address(&address, &node).ok_or(RedisError::Moved(node))?;
                send_anew(&address, command, parameters).await
            }
            other => other,
        }
    })
    .await
}

/// Sends on a new connection, and keeps that one if it is of use.
async fn send_anew(address: &str, command: &str, parameters: &[RedisParameter]) -> Result<Vec<Value>, RedisError> {
    let connection = Rc::new(Connection::open(address).await.map_err(|e| classify(command, e))?);
    let values = send_on(&connection, command, parameters).await;
    if !matches!(values, Err(RedisError::Away(_) | RedisError::Moved(_))) {
        KEPT.with_borrow_mut(|kept| *kept = Some(connection));
    }
    values
}

async fn bounded(work: impl Future<Output = Result<Vec<Value>, RedisError>>) -> Result<Vec<Value>, RedisError> {
    clock::within(PATIENCE, work).await.unwrap_or_else(|| Err(RedisError::Away("no answer in time".to_owned())))
}

async fn send_on(
    connection: &Connection,
    command: &str,
    parameters: &[RedisParameter],
) -> Result<Vec<Value>, RedisError> {
    let replies = connection.execute(command, parameters.iter().cloned()).await.map_err(|e| classify(command, e))?;
    let values = replies.into_iter().map(|reply| match reply {
        RedisResult::Nil => Value::Nil,
        RedisResult::Status(text) => Value::Bytes(text.into_bytes()),
        RedisResult::Int64(n) => Value::Int(n),
        RedisResult::Binary(bytes) => Value::Bytes(bytes),
    });
    Ok(values.collect())
}

/// Codes of a Redis that answers but cannot serve for now: restarting, failing over, full, short of replicas or busy with a
/// script; and what Spin's client calls them. Nothing of the call was done.
const PASSING: [&str; 14] = [
    "MISCONF",
    "OOM",
    "READONLY",
    "LOADING",
    "CLUSTERDOWN",
    "NOREPLICAS",
    "MASTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "BusyLoading",
    "ReadOnly",
    "ClusterDown",
    "MasterDown",
    "TryAgain",
];

/// Whether an error, perhaps one that a script passes on, says that trying again later helps.
fn is_passing(why: &str) -> bool {
    why.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| PASSING.contains(&word))
}

/// `spin:redis` tells refusals and lost connections apart only by their words.
fn classify(command: &str, error: Error) -> RedisError {
    let why = match error {
        Error::Other(why) => why,
        other => return RedisError::Away(format!("{other:?}")),
    };
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if let Some(node) = moved::node(&why) {
        RedisError::Moved(node.to_owned())
    } else if has(&["NOSCRIPT", "NoScript", "No matching script"]) {
        RedisError::NoScript
    } else if is_passing(&why) {
        RedisError::Away(why)
    } else if has(&["user_script", "WRONGTYPE", "ERR ", "ResponseError", "NOPERM", "invalid type"]) {
        RedisError::Refused { command: command.to_owned(), why }
    } else {
        RedisError::Away(why)
    }
}

fn name_script(error: RedisError, script: &str) -> RedisError {
    match error {
        RedisError::Refused { why, .. } => RedisError::Refused { command: script.to_owned(), why },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::JobId;
    use image2model_domain::commands::ReadJob;

    #[test]
    fn a_script_call_names_its_script_its_one_key_and_the_arguments() {
        let job = JobId::from_random([1; 16]);
        let call = ReadJob(&job).call(&Keyspace::single());
        let sent = parameters(&call, call.script.sha1());
        let expected = [call.script.sha1(), "1", "queue:ring", "", job.as_str()];
        let sent = sent.iter().map(|p| match p {
            RedisParameter::Binary(b) => String::from_utf8_lossy(b).into_owned(),
            RedisParameter::Int64(n) => n.to_string(),
        });
        assert_eq!(sent.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn tells_what_helps_from_what_does_not() {
        let of = |text: &str| classify("GET", Error::Other(text.to_owned()));
        assert!(matches!(of("NOSCRIPT No matching script. Please use EVAL."), RedisError::NoScript));
        assert!(matches!(of("Connection refused (os error 111)"), RedisError::Away(_)));
        assert!(matches!(of("WRONGTYPE Operation against a key"), RedisError::Refused { .. }));
        for passing in [
            "LOADING Redis is loading the dataset in memory",
            "MISCONF Redis is configured to save RDB snapshots script: ab, on @user_script:3.",
            "ERR Error running script (call to f_ab): @user_script:3: -OOM command not allowed",
            "READONLY You can't write against a read only replica. script: ab, on @user_script:3.",
            "CLUSTERDOWN Hash slot not served",
            "NOREPLICAS Not enough good replicas to write.",
            "MASTERDOWN Link with MASTER is down",
            "An error was signalled by the server - ReadOnly: You can't write",
            "\"OOM\": command not allowed when used memory > 'maxmemory'",
        ] {
            assert!(of(passing).is_retryable(), "{passing}");
        }
        assert!(matches!(of("ERR value is not an integer, on @user_script:3."), RedisError::Refused { .. }));
        assert!(of("broken pipe").is_retryable());
        assert!(matches!(of("MOVED 1180 10.0.0.2:6379"), RedisError::Moved(node) if node == "10.0.0.2:6379"));
        // The slot is on its way to another node: nothing of the call was done.
        assert!(matches!(of("ASK 1180 10.0.0.2:6379"), RedisError::Away(_)));
    }
}
