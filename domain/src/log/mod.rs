//! The log store's vocabulary: which logs there are, what an entry holds, and how large it may be.
//!
//! Each log is one Redis stream whose entries have a single field, the entry as JSON, so that a flattened reply reads as
//! `id, name, value` over and over.

mod entry;
mod shape;

pub use entry::{LogEntry, LogLevel};
pub use shape::path_shape;

/// The field of a stream entry that holds the [`LogEntry`].
pub const FIELD: &str = "entry";
/// Rotated generations kept of each log, as the original's `backupCount`.
pub const GENERATIONS: u32 = 5;
/// The longest message or text field that is kept, in bytes.
pub const LONGEST_TEXT: usize = 2048;
/// All fields of one entry together, in bytes of JSON.
pub const LONGEST_FIELDS: usize = 8192;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $about:literal);+ $(;)?) => {
        /// One of the logs. An entry stands in exactly one of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LogKind { $($(#[$doc])* $variant),+ }

        impl LogKind {
            /// Every log, in the order of answers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, in keys and in answers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What stands in it, for whoever reads the list.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),+ }
            }

            /// Reads a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// What the hosts say that no other log takes.
    App = "app", "The runtime hosts: start, stop, Redis, streams, storage";
    /// Errors, wherever they come from.
    Error = "error", "Every error, whichever part it comes from";
    /// Requests.
    Access = "access", "One line a request: method, path, status, time";
    /// The FAL.AI worker.
    Worker = "worker", "The worker: claims, requests to FAL.AI, results, retries";
    /// What components log.
    Components = "components", "What the components log, with the component's id";
    /// Calls with the admin key.
    Audit = "audit", "Every call of an admin route: who, what, from where, and how it ended";
}

/// Words in the names of fields that are never stored.
const SECRET: [&str; 6] = ["secret", "password", "authorization", "token", "api_key", "cookie"];

/// Whether a field of that name may hold a secret; it is then not stored.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|word| name.contains(word))
}

/// Cuts a text to at most `most` bytes, at a character's border.
#[must_use]
pub fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_log_is_found_by_its_name() {
        for kind in LogKind::ALL {
            assert_eq!(LogKind::parse(kind.name()), Some(*kind));
        }
        assert_eq!(LogKind::parse("APP"), None);
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("é", 1), "");
    }
}
