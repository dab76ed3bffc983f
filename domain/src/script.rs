//! Lua scripts and how they are called: one atomic command per transition, from components and host alike.
//!
//! A caller sends `EVALSHA`, and `EVAL` when Redis does not know the script yet, so nothing depends on what somebody else
//! loaded. Replies are flat (spin:redis flattens arrays and refuses maps); [`Replies`] reads them.

use std::sync::OnceLock;

use crate::keys::Keyspace;

/// A script: the preludes that it needs and its own body.
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    source: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    /// Names a script's source.
    #[must_use]
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, sha1: OnceLock::new() }
    }

    /// For logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// For `EVAL`.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// For `EVALSHA`: SHA-1 of the source in hex.
    #[must_use]
    pub fn sha1(&self) -> &str {
        self.sha1.get_or_init(|| {
            use sha1::Digest;
            hex::encode(sha1::Sha1::digest(self.source.as_bytes()))
        })
    }
}

/// One argument of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// An integer.
    Int(i64),
    /// Anything else.
    Bytes(Vec<u8>),
}

macro_rules! arg_from {
    ($($type:ty => |$v:ident| $made:expr),+ $(,)?) => {
        $(impl From<$type> for Arg { fn from($v: $type) -> Self { $made } })+
    };
}

arg_from!(
    i64 => |v| Self::Int(v),
    u32 => |v| Self::Int(i64::from(v)),
    u64 => |v| Self::Int(i64::try_from(v).unwrap_or(i64::MAX)),
    usize => |v| Self::Int(i64::try_from(v).unwrap_or(i64::MAX)),
    bool => |v| Self::Int(i64::from(v)),
    &str => |v| Self::Bytes(v.as_bytes().to_vec()),
    &String => |v| Self::Bytes(v.as_bytes().to_vec()),
    String => |v| Self::Bytes(v.into_bytes()),
);

/// One element of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing there.
    Nil,
    /// An integer.
    Int(i64),
    /// A string or a status.
    Bytes(Vec<u8>),
}

/// A script with its arguments, ready to be sent: `EVALSHA sha1 1 key args…`.
#[derive(Debug)]
pub struct Call {
    /// What to run.
    pub script: &'static Script,
    /// The one key: routes the call to the node of the cell.
    pub key: String,
    /// The arguments, the keyspace's prefix first.
    pub args: Vec<Arg>,
}

impl Call {
    /// A call whose first argument is the prefix that every script expects.
    #[must_use]
    pub fn new(script: &'static Script, keys: &Keyspace, args: impl IntoIterator<Item = Arg>) -> Self {
        let args = std::iter::once(Arg::from(keys.prefix())).chain(args).collect();
        Self { script, key: keys.anchor(), args }
    }
}

/// A reply that is not what the script promises: another version wrote the script, or the key holds something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unexpected reply from script {script}: {what}")]
pub struct UnexpectedReply {
    /// Which script answered.
    pub script: &'static str,
    /// What was missing or strange.
    pub what: String,
}

/// A transition or a look: what to send, and how to read what comes back.
pub trait Command {
    /// What it answers.
    type Reply;

    /// What to send.
    fn call(&self, keys: &Keyspace) -> Call;

    /// Reads the answer.
    ///
    /// # Errors
    /// [`UnexpectedReply`] when the elements are not what the script promises.
    fn read(&self, replies: Replies) -> Result<Self::Reply, UnexpectedReply>;
}

/// Takes a flat reply apart, element by element.
#[derive(Debug)]
pub struct Replies {
    script: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Replies {
    /// Wraps what came back.
    #[must_use]
    pub fn new(script: &'static Script, values: Vec<Value>) -> Self {
        Self { script: script.name(), values: values.into_iter() }
    }

    /// Nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    /// The complaint of this script.
    #[must_use]
    pub fn unexpected(&self, what: impl Into<String>) -> UnexpectedReply {
        UnexpectedReply { script: self.script, what: what.into() }
    }

    /// The next element as text; nothing reads as empty.
    ///
    /// # Errors
    /// [`UnexpectedReply`] when there is no element.
    pub fn text(&mut self) -> Result<String, UnexpectedReply> {
        match self.values.next() {
            Some(Value::Bytes(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Some(Value::Int(n)) => Ok(n.to_string()),
            Some(Value::Nil) => Ok(String::new()),
            None => Err(self.unexpected("it ended early")),
        }
    }

    /// The next element as a number.
    ///
    /// # Errors
    /// [`UnexpectedReply`] when there is no element or it is not a number.
    pub fn int(&mut self) -> Result<i64, UnexpectedReply> {
        match self.values.next() {
            Some(Value::Int(n)) => Ok(n),
            Some(Value::Bytes(bytes)) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|t| t.parse().ok())
                .ok_or_else(|| self.unexpected("a number was expected")),
            Some(Value::Nil) => Err(self.unexpected("a number was expected")),
            None => Err(self.unexpected("it ended early")),
        }
    }

    /// A count followed by that many name and value pairs.
    ///
    /// # Errors
    /// [`UnexpectedReply`] when it ends early.
    pub fn fields(&mut self) -> Result<std::collections::HashMap<String, String>, UnexpectedReply> {
        let count = self.int()?;
        (0..count).map(|_| Ok((self.text()?, self.text()?))).collect()
    }
}
