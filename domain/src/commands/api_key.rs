//! Issued API keys: issuing, looking one up, listing, taking one back.

use super::script;
use crate::api_key::{ApiKey, KeyLimits, KeyRole};
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Keeps a new key. Sent twice, it answers the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueKey<'a> {
    /// SHA-256 of the key in hex.
    pub hash: &'a str,
    /// Its id.
    pub id: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// What it opens.
    pub role: KeyRole,
    /// The guard's `caller` of whoever issues it.
    pub created_by: &'a str,
    /// For how long it opens anything; for ever when `None`.
    pub seconds: Option<u64>,
    /// Limits in place of the configured ones.
    pub limits: KeyLimits,
}

/// An argument that may be missing: empty then.
fn optional(number: Option<impl Into<Arg>>) -> Arg {
    number.map_or_else(|| "".into(), Into::into)
}

impl Command for IssueKey<'_> {
    type Reply = ApiKey;

    fn call(&self, keys: &Keyspace) -> Call {
        let KeyLimits { per_minute, per_hour, uploads_per_minute } = self.limits;
        let args = [
            self.hash.into(),
            self.id.into(),
            self.name.into(),
            self.role.as_str().into(),
            self.created_by.into(),
            optional(self.seconds),
            optional(per_minute),
            optional(per_hour),
            optional(uploads_per_minute),
        ];
        Call::new(script!("issue_key", [api_key]), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<ApiKey, UnexpectedReply> {
        ApiKey::read(&mut replies)?.ok_or_else(|| replies.unexpected("the key was not kept"))
    }
}

/// Looks up the key with this SHA-256 (in hex) and notes that it was used; `None` when none was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindKey<'a>(pub &'a str);

impl Command for FindKey<'_> {
    type Reply = Option<ApiKey>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("find_key", [api_key]), keys, [self.0.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Option<ApiKey>, UnexpectedReply> {
        ApiKey::read(&mut replies)
    }
}

/// Takes the key with this id back, once; `None` when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeKey<'a>(pub &'a str);

impl Command for RevokeKey<'_> {
    type Reply = Option<ApiKey>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("revoke_key", [api_key]), keys, [self.0.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Option<ApiKey>, UnexpectedReply> {
        ApiKey::read(&mut replies)
    }
}

/// A page of keys, newest first, whatever their state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListKeys<'a> {
    /// Id of the last key of the page before.
    pub after: Option<&'a str>,
    /// Keys on the page.
    pub limit: usize,
}

/// What [`ListKeys`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// Newest first.
    pub keys: Vec<ApiKey>,
    /// There is another page.
    pub more: bool,
}

impl Command for ListKeys<'_> {
    /// `None` when there is no key to begin after.
    type Reply = Option<KeyPage>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("list_keys", [api_key]), keys, [self.after.unwrap_or_default().into(), self.limit.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Option<KeyPage>, UnexpectedReply> {
        if replies.is_empty() {
            return Ok(None);
        }
        let more = replies.int()? == 1;
        let mut keys = Vec::new();
        while !replies.is_empty() {
            keys.extend(ApiKey::read(&mut replies)?);
        }
        Ok(Some(KeyPage { keys, more }))
    }
}
