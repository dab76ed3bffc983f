//! Browsers' sessions: opening one in place of a key, looking one up with its key, ending one.

use super::script;
use crate::api_key::{ApiKey, KeyRole};
use crate::browser_session::BrowserSession;
use crate::keys::Keyspace;
use crate::script::{Call, Command, Replies, UnexpectedReply};

/// Opens a session; answers when it ends, milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession<'a> {
    /// SHA-256 of its secret in hex.
    pub hash: &'a str,
    /// SHA-256 in hex of the key that it stands for.
    pub key_hash: &'a str,
    /// What it opens.
    pub role: KeyRole,
    /// For how long, unless the key ends before.
    pub seconds: u64,
}

impl Command for OpenSession<'_> {
    type Reply = i64;

    fn call(&self, keys: &Keyspace) -> Call {
        let args = [self.hash.into(), self.key_hash.into(), self.role.as_str().into(), self.seconds.into()];
        Call::new(script!("open_session"), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<i64, UnexpectedReply> {
        replies.int()
    }
}

/// Looks up the session with this SHA-256 (in hex); `None` when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindSession<'a>(pub &'a str);

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSession {
    /// The session itself.
    pub session: BrowserSession,
    /// The issued key that it stands for; `None` when no such key was issued, as with the keys of the configuration.
    pub key: Option<ApiKey>,
}

impl Command for FindSession<'_> {
    type Reply = Option<FoundSession>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("find_session", [api_key]), keys, [self.0.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Option<FoundSession>, UnexpectedReply> {
        if replies.is_empty() {
            return Ok(None);
        }
        let key_hash = replies.text()?;
        let word = replies.text()?;
        let role = KeyRole::parse(&word).ok_or_else(|| replies.unexpected(format!("unknown role {word:?}")))?;
        let session = BrowserSession { key_hash, role, expires_at: replies.int()? };
        Ok(Some(FoundSession { session, key: ApiKey::read(&mut replies)? }))
    }
}

/// Ends the session with this SHA-256 (in hex); answers whether there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseSession<'a>(pub &'a str);

impl Command for CloseSession<'_> {
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("close_session"), keys, [self.0.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.int()? == 1)
    }
}
