//! FAL's app-id rule: an endpoint id is `[namespace/]owner/alias[/path…]`; submit takes the whole id, every later call
//! only `[namespace/]owner/alias`. Namespaces are exactly `workflows` and `comfy`.

/// `[namespace/]owner/alias` of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPath(String);

impl AppPath {
    /// Of a full endpoint id, or of an app path itself; `None` when a part is missing.
    pub fn of(endpoint: &str) -> Option<Self> {
        let mut segments = endpoint.split('/');
        let first = segments.next().filter(|segment| !segment.is_empty())?;
        let count = if matches!(first, "workflows" | "comfy") { 2 } else { 1 };
        let rest: Vec<&str> = segments.take(count).filter(|segment| !segment.is_empty()).collect();
        (rest.len() == count).then(|| Self([vec![first], rest].concat().join("/")))
    }

    /// As it stands in URLs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_after_the_alias_is_dropped() {
        let cases = [
            ("tripo3d/tripo/v2.5/image-to-3d", Some("tripo3d/tripo")),
            ("fal-ai/trellis", Some("fal-ai/trellis")),
            ("workflows/me/mine/step", Some("workflows/me/mine")),
            ("comfy/me", None),
            ("alone", None),
            ("", None),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(AppPath::of(endpoint).as_ref().map(AppPath::as_str), expected, "{endpoint}");
        }
    }
}
