//! Endpoint ids. A submit goes to the whole id; everything about a request goes to `owner/alias` only.

use std::fmt;

/// `[namespace/]owner/alias[/path…]`, `tripo3d/tripo/v2.5/image-to-3d`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointId {
    id: String,
    app_len: usize,
}

/// A text that is no endpoint id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a FAL endpoint id: expected owner/alias[/path], of letters, digits, dots, dashes and underscores"
)]
pub struct InvalidEndpoint(pub String);

/// Prefixes that stand before the owner.
const NAMESPACES: [&str; 2] = ["workflows", "comfy"];

impl EndpointId {
    /// Reads an endpoint id.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] when it has no owner and alias, or letters that do not belong into a path.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let id = text.trim().trim_matches('/');
        let segments: Vec<&str> = id.split('/').collect();
        let wanted = if segments.first().is_some_and(|first| NAMESPACES.contains(first)) { 3 } else { 2 };
        if segments.len() < wanted || !segments.iter().copied().all(is_segment) {
            return Err(InvalidEndpoint(text.to_owned()));
        }
        let app_len = segments.iter().take(wanted).map(|segment| segment.len()).sum::<usize>() + wanted - 1;
        Ok(Self { id: id.to_owned(), app_len })
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// `[namespace/]owner/alias`.
    #[must_use]
    pub fn app(&self) -> &str {
        self.id.get(..self.app_len).unwrap_or(&self.id)
    }
}

fn is_segment(segment: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !segment.is_empty() && segment.bytes().all(allowed) && !segment.bytes().all(|b| b == b'.')
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_live_below_owner_and_alias() {
        let app = |id| EndpointId::parse(id).map(|e| e.app().to_owned());
        assert_eq!(app("tripo3d/tripo/v2.5/image-to-3d").as_deref(), Ok("tripo3d/tripo"));
        assert_eq!(app("fal-ai/trellis").as_deref(), Ok("fal-ai/trellis"));
        assert_eq!(app("workflows/me/flow/x").as_deref(), Ok("workflows/me/flow"));
        for bad in ["", "trellis", "a//b", "../../etc", "a/b?x=1", "comfy/a", "a/.."] {
            assert!(EndpointId::parse(bad).is_err(), "{bad}");
        }
    }
}
