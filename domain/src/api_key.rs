//! Issued API keys: how one is made, and what is kept of it. The key itself is kept nowhere, only its SHA-256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::sha256_hex;
use crate::script::{Replies, UnexpectedReply};

/// What every issued key begins with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "i2m_";

/// Characters of 32 bytes in base64url.
const SECRET_LENGTH: usize = 43;

/// A new key of 256 random bits.
#[must_use]
pub fn from_random(bits: [u8; 32]) -> String {
    secret(PREFIX, bits)
}

/// 256 random bits as text, behind what says what they are.
#[must_use]
pub(crate) fn secret(prefix: &str, bits: [u8; 32]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bits))
}

/// Whether a text may be a [`secret`] with that prefix.
#[must_use]
pub(crate) fn is_secret(prefix: &str, text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    text.strip_prefix(prefix).is_some_and(|secret| secret.len() == SECRET_LENGTH && secret.bytes().all(fits))
}

/// Whether a presented key may be an issued one, and is worth looking up.
#[must_use]
pub fn may_be_issued(key: &str) -> bool {
    is_secret(PREFIX, key)
}

/// A key's id: the half of its SHA-256 that names its tenant too, so that jobs and log lines lead to the key.
#[must_use]
pub fn id_of(hash: &str) -> &str {
    hash.get(..32).unwrap_or(hash)
}

/// The tenant that the key with this SHA-256 stands for: the name that jobs, queues, allowances and log lines have.
#[must_use]
pub fn tenant_of(hash: &str) -> String {
    format!("key:{}", id_of(hash))
}

/// SHA-256 of a key, in hex.
#[must_use]
pub fn hash_of(key: &str) -> String {
    sha256_hex(key.as_bytes())
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$word_doc])* $variant),+ }

        impl $name {
            /// The word that is stored and shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What a key opens.
    KeyRole {
        /// User routes, and its own jobs.
        User = "user",
        /// Every route.
        Admin = "admin",
    }
}

words! {
    /// Whether a key opens anything, by the clock of Redis.
    KeyState {
        /// It does.
        Active = "active",
        /// Its time is over.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
    }
}

/// Limits of one key, in place of the configured ones; 0 means any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct KeyLimits {
    /// Requests a minute.
    pub per_minute: Option<u32>,
    /// Requests an hour.
    pub per_hour: Option<u32>,
    /// Uploads a minute.
    pub uploads_per_minute: Option<u32>,
}

/// What is kept of an issued key. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// See [`id_of`].
    pub id: String,
    /// What people call it.
    pub name: String,
    /// See [`KeyRole`].
    pub role: KeyRole,
    /// See [`KeyState`].
    pub state: KeyState,
    /// When it was issued.
    pub created_at: i64,
    /// The guard's `caller` of whoever issued it.
    pub created_by: String,
    /// From when on it opens nothing, if ever.
    pub expires_at: Option<i64>,
    /// When it was taken back, if it was.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
    /// See [`KeyLimits`].
    pub limits: KeyLimits,
}

impl ApiKey {
    /// Reads one key of a reply, a count and that many fields (`scripts/prelude_api_key.lua`); `None` when it has none.
    ///
    /// # Errors
    /// [`UnexpectedReply`] when the fields are not what the scripts write.
    pub fn read(replies: &mut Replies) -> Result<Option<Self>, UnexpectedReply> {
        let fields = replies.fields()?;
        if fields.is_empty() {
            return Ok(None);
        }
        let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let missing = |name: &str| replies.unexpected(format!("field {name} of a key is missing or unreadable"));
        let time = |name: &str| fields.get(name).and_then(|v| v.parse::<i64>().ok());
        let limit = |name: &str| fields.get(name).and_then(|v| v.parse::<u32>().ok());
        Ok(Some(Self {
            id: text("id"),
            name: text("name"),
            role: KeyRole::parse(&text("role")).ok_or_else(|| missing("role"))?,
            state: KeyState::parse(&text("state")).ok_or_else(|| missing("state"))?,
            created_at: time("created_at").ok_or_else(|| missing("created_at"))?,
            created_by: text("created_by"),
            expires_at: time("expires_at"),
            revoked_at: time("revoked_at"),
            last_used_at: time("last_used_at"),
            limits: KeyLimits {
                per_minute: limit("per_minute"),
                per_hour: limit("per_hour"),
                uploads_per_minute: limit("uploads_per_minute"),
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_named_by_its_digest() {
        let key = from_random([0xfb; 32]);
        assert!(key.starts_with("i2m_-_v7") && key.len() == 47, "{key}");
        assert!(may_be_issued(&key));
        assert_eq!(id_of(&hash_of(&key)), &sha256_hex(key.as_bytes())[..32]);
        for other in
            ["", "i2m_", "key", &key[..46], &format!("{key}x"), &key.replace("i2m_", "I2M_"), &key.replace('-', "+")]
        {
            assert!(!may_be_issued(other), "{other}");
        }
    }
}
