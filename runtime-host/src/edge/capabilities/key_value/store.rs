//! One store: what the calls of every interface come to. Bounds: the length of a key, the size of a value, how many keys are
//! listed; what is carried at a time is bounded by the instance's memory.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use redis::{Cmd, FromRedisValue};
use tokio::sync::OwnedSemaphorePermit;

use crate::edge::capabilities::bindings;
use crate::edge::capabilities::bindings::key_value::Error;
use crate::edge::capabilities::carried::{Carried, TOO_MUCH};
use crate::edge::capabilities::redis::Link;

/// The longest key, bytes.
const LONGEST_KEY: usize = 1024;
/// The largest value, bytes.
const LARGEST_VALUE: usize = 1 << 20;
/// The most keys that are listed.
const MOST_LISTED: u64 = 100_000;
/// Values that one call asks for at a time.
const ASKED_AT_ONCE: usize = 16;
/// What the component is told.
const TOO_LARGE: &str = "query result exceeds limit: ask for fewer keys at a time";
/// A key that is not there is seen as no third argument.
const SWAP: &str = "if redis.call('HGET', KEYS[1], ARGV[1]) ~= (ARGV[3] or false) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return 1";

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
    pub fn new(link: Arc<Link>, key: Arc<str>, component: Arc<str>, carried: Carried) -> Self {
        Self { link, key, component, carried }
    }

    fn command(&self, name: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(&*self.key);
        command
    }

    fn of_key(&self, name: &str, key: &str) -> Result<Cmd, Error> {
        let mut command = self.command(name);
        command.arg(fits(key)?);
        Ok(command)
    }

    async fn typed<R: FromRedisValue>(&self, command: &Cmd) -> Result<R, Error> {
        let Some(_room) = self.carried.take(command) else { return Err(Error::Other(TOO_MUCH.into())) };
        self.link.typed(command, &self.component).await.map_err(failure)
    }

    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.typed(&self.of_key("HGET", key)?).await
    }

    pub async fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let mut command = self.command("HSET");
        put(&mut command, key, value)?;
        self.typed::<i64>(&command).await.map(drop)
    }

    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.typed::<i64>(&self.of_key("HDEL", key)?).await.map(drop)
    }

    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        self.typed(&self.of_key("HEXISTS", key)?).await
    }

    /// The values of these keys, as long as the instance may have so much carried for it.
    pub async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>, Error> {
        let mut asked = stream::iter(keys)
            .map(|key| async move { Ok::<_, Error>((self.get(&key).await?, key)) })
            .buffered(ASKED_AT_ONCE);
        let (mut found, mut room) = (Vec::new(), Vec::new());
        while let Some((value, key)) = asked.try_next().await? {
            let length = value.as_ref().map_or(0, Vec::len);
            room.push(self.carried.keep(length).ok_or_else(|| Error::Other(TOO_LARGE.into()))?);
            found.push((key, value));
        }
        Ok(found)
    }

    /// All of them at once, or none.
    pub async fn set_many(&self, pairs: &[(String, Vec<u8>)]) -> Result<(), Error> {
        if pairs.is_empty() {
            return Ok(());
        }
        let mut command = self.command("HSET");
        pairs.iter().try_for_each(|(key, value)| put(&mut command, key, value))?;
        self.typed::<i64>(&command).await.map(drop)
    }

    pub async fn delete_many(&self, keys: &[String]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut command = self.command("HDEL");
        for key in keys {
            command.arg(fits(key)?);
        }
        self.typed::<i64>(&command).await.map(drop)
    }

    /// Adds to a number, which is 0 before it is there, and answers what it has become.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        let mut command = self.of_key("HINCRBY", key)?;
        command.arg(delta);
        self.typed(&command).await
    }

    /// What a key holds, to be exchanged later.
    pub async fn seen(&self, key: &str) -> Result<Seen, Error> {
        let value = self.get(key).await?;
        let length = value.as_ref().map_or(0, Vec::len);
        let room = self.carried.keep(length).ok_or_else(|| Error::Other(TOO_MUCH.into()))?;
        Ok(Seen { value, _room: room })
    }

    /// Puts `value` where the key still holds what was seen, and tells whether it did.
    pub async fn swap(&self, key: &str, seen: &Seen, value: &[u8]) -> Result<bool, Error> {
        let mut command = redis::cmd("EVAL");
        command.arg(SWAP).arg(1).arg(&*self.key);
        put(&mut command, key, value)?;
        command.arg(seen.value.as_deref());
        self.typed(&command).await
    }

    /// All keys, with the room that they take until the guest has them.
    pub async fn keys(&self) -> Result<Listed, Error> {
        let _turn = self.carried.turn().await;
        let count: u64 = self.typed(&self.command("HLEN")).await?;
        if count > MOST_LISTED {
            return Err(Error::Other(format!("the store has more than {MOST_LISTED} keys, too many to be listed")));
        }
        let keys: Vec<String> = self.typed(&self.command("HKEYS")).await?;
        let bytes = keys.iter().map(|key| key.len() + size_of::<String>()).sum();
        let room = self.carried.keep(bytes).ok_or_else(|| Error::Other(TOO_MUCH.into()))?;
        Ok(Listed { keys, room })
    }
}

/// See [`Store::keys`].
pub struct Listed {
    pub keys: Vec<String>,
    pub room: OwnedSemaphorePermit,
}

/// A value that is kept for the guest until it exchanges it, with the room that this takes.
pub struct Seen {
    pub value: Option<Vec<u8>>,
    _room: OwnedSemaphorePermit,
}

fn fits(key: &str) -> Result<&str, Error> {
    if key.len() > LONGEST_KEY {
        return Err(Error::Other(format!("the key is longer than {LONGEST_KEY} bytes")));
    }
    Ok(key)
}

fn put(command: &mut Cmd, key: &str, value: &[u8]) -> Result<(), Error> {
    if value.len() > LARGEST_VALUE {
        return Err(Error::Other(format!("the value is larger than {LARGEST_VALUE} bytes")));
    }
    command.arg(fits(key)?).arg(value);
    Ok(())
}

pub(super) fn failure(error: bindings::redis::Error) -> Error {
    Error::Other(match error {
        bindings::redis::Error::Other(text) => text,
        bindings::redis::Error::TooManyConnections => "too many connections".to_owned(),
        _ => "the store cannot be read".to_owned(),
    })
}
