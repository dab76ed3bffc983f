//! The head of one part, and the boundary between parts, as their headers give them.

use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::limits::{MAX_BOUNDARY, MAX_PART_HEAD};
use super::parameters::Parameters;
use super::{IntakeError, StreamFault};

/// What a part says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Of the form's field; empty when there is none.
    pub name: String,
    /// As it was sent; empty when there is none.
    pub filename: String,
    /// As it was sent.
    pub content_type: Option<String>,
    /// The content is not the file's bytes but these in some encoding, which no client of a web form uses (RFC 7578, 4.7).
    pub encoded: bool,
}

impl Head {
    /// Reads the headers of a part.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, IntakeError> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if bytes > MAX_PART_HEAD {
            return Err(StreamFault::HeadTooLong.into());
        }
        let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let disposition = headers.get(CONTENT_DISPOSITION).map_or(&b""[..], |value| value.as_bytes());
        let disposition = Parameters::parse(disposition);
        let encoding = text(http::HeaderName::from_static("content-transfer-encoding")).unwrap_or_default();
        let plain = ["", "7bit", "8bit", "binary"];
        Ok(Self {
            name: disposition.get("name").unwrap_or_default(),
            filename: disposition.get("filename").unwrap_or_default(),
            content_type: text(CONTENT_TYPE),
            encoded: !plain.contains(&encoding.trim().to_ascii_lowercase().as_str()),
        })
    }
}

/// The boundary that the request's `Content-Type` names.
pub(super) fn boundary(content_type: &str) -> Result<String, IntakeError> {
    let parsed = Parameters::parse(content_type.as_bytes());
    if parsed.value != "multipart/form-data" {
        return Err(IntakeError::NotAForm);
    }
    let boundary = parsed.get("boundary").unwrap_or_default();
    // RFC 2046, 5.1.1: 1 to 70 characters, the last no space.
    let fits = (1..=MAX_BOUNDARY).contains(&boundary.len()) && !boundary.ends_with(' ');
    if fits && boundary.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        Ok(boundary)
    } else {
        Err(IntakeError::NoBoundary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_have_1_to_70_characters() {
        let of = |boundary: &str| self::boundary(&format!("Multipart/Form-Data; boundary={boundary}")).ok();
        assert_eq!(of("X").as_deref(), Some("X"));
        assert_eq!(of("\"a b:c\"").as_deref(), Some("a b:c"));
        assert!(of(&"x".repeat(70)).is_some() && of(&"x".repeat(71)).is_none());
        assert_eq!((of(""), of("\"\""), of("\"x \""), of("é")), (None, None, None, None));
        assert!(matches!(self::boundary("multipart/form-data"), Err(IntakeError::NoBoundary)));
        assert!(matches!(self::boundary("multipart/mixed; boundary=x"), Err(IntakeError::NotAForm)));
        assert!(matches!(self::boundary(""), Err(IntakeError::NotAForm)));
    }
}
