//! Ids of jobs and files: 128 random bits, written as 32 lower-case hex digits.
//!
//! A job id is a capability (whoever knows it may follow the job), so it is never derived from anything. A task id is the
//! same 128 bits written as a UUID, which is what clients of the original system expect; it needs no look-up. It is taken
//! without dashes too, as any reader of UUIDs does, and is told to the client as the client wrote it.

use std::fmt;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 32 hexadecimal digits or a UUID")]
pub struct InvalidId;

/// Reads 32 hex digits, or the same in the 8-4-4-4-12 form of a UUID, in either case.
fn canonical(text: &str) -> Result<String, InvalidId> {
    let hyphens_fit = match text.len() {
        32 => !text.contains('-'),
        36 => text.bytes().enumerate().all(|(i, b)| (b == b'-') == matches!(i, 8 | 13 | 18 | 23)),
        _ => false,
    };
    let digits: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if hyphens_fit && digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(digits)
    } else {
        Err(InvalidId)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Makes an id of 128 random bits.
            #[must_use]
            pub fn from_random(bits: [u8; 16]) -> Self {
                Self(hex::encode(bits))
            }

            /// Reads an id in its own form or written as a UUID.
            ///
            /// # Errors
            /// [`InvalidId`] when the text is neither.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                canonical(text).map(Self)
            }

            /// The 32 hex digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same bits written as a UUID, the form of task ids.
            #[must_use]
            pub fn as_task_id(&self) -> String {
                let part = |from: usize, to: usize| self.0.get(from..to).unwrap_or_default();
                format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// Names one upload and everything made from it.
    JobId
}
id! {
    /// Names one image of a job, and its model.
    FileId
}

/// Reads a task id, a UUID with or without its dashes, as the job it stands for.
///
/// # Errors
/// [`InvalidId`] when the text is neither.
pub fn parse_task_id(text: &str) -> Result<JobId, InvalidId> {
    JobId::parse(text)
}

/// The job's task id in the form of `asked`, by which a client knows the task: a client that compares the two as texts, as the
/// original's did, finds its own.
#[must_use]
pub fn task_id_like(asked: &str, job: &JobId) -> String {
    if asked.contains('-') { job.as_task_id() } else { job.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_is_the_job_id_as_a_uuid() {
        let job = JobId::from_random([0xab; 16]);
        assert_eq!(job.as_str(), "abababababababababababababababab");
        assert_eq!(job.as_task_id(), "abababab-abab-abab-abab-abababababab");
        assert_eq!(parse_task_id(&job.as_task_id()), Ok(job));
    }

    #[test]
    fn a_task_id_is_read_without_dashes_and_told_as_it_was_asked_for() {
        let job = JobId::from_random([0xab; 16]);
        for asked in [job.as_task_id(), job.to_string(), job.as_task_id().to_uppercase(), job.as_str().to_uppercase()] {
            assert_eq!(parse_task_id(&asked), Ok(job.clone()));
            assert_eq!(task_id_like(&asked, &job), asked.to_lowercase());
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "abc",
            "../../../../etc/passwd0000000000000",
            "abababababababababababababababag",
            "é".repeat(16).as_str(),
        ] {
            assert_eq!(JobId::parse(text), Err(InvalidId), "{text}");
        }
        for text in ["abababab-abababab-abababab-abababab", "{abababab-abab-abab-abab-abababababab}", "ababab"] {
            assert_eq!(parse_task_id(text), Err(InvalidId), "{text}");
        }
        assert_eq!(JobId::parse("ab-bababab-abab-abab-abab-abababababa"), Err(InvalidId));
        assert!(serde_json::from_str::<FileId>("\"queue:ring\"").is_err());
    }
}
