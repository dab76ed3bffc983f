//! Query parameters and path segments: percent-encoded text, read once.

use image2model_domain::Problem;
use image2model_domain::yes_or_no::yes_or_no;
use percent_encoding::percent_decode_str;

/// The parameters of a query, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    raw: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads `a=1&b=x%20y+z`. What is not UTF-8 is replaced rather than refused.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
        });
        Self { raw: text.to_owned(), pairs: pairs.collect() }
    }

    /// As it was sent, for handing on.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Every value of that name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The names, in order; one that is there twice is named twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a parameter is there and not switched off: `?stream`, `?stream=1`, `?stream=true`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|text| yes_or_no(text) != Some(false))
    }

    /// Every value of that name, which is yes or no; named without a value is yes.
    ///
    /// # Errors
    /// 422 in the place of what is neither.
    pub fn answers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Result<bool, Problem>> {
        let read = |text: &str| if text.is_empty() { Some(true) } else { yes_or_no(text) };
        let neither = move || Problem::invalid(name, format!("{name} must be true or false"));
        self.all(name).map(move |text| read(text).ok_or_else(neither))
    }
}

/// Percent-decodes.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let query = Query::parse("wait=30&name=caf%C3%A9+au+lait&stream&off=0&wait=1");
        assert_eq!(query.get("wait"), Some("30"));
        assert_eq!(query.all("wait").collect::<Vec<_>>(), ["30", "1"]);
        assert_eq!(query.names().collect::<Vec<_>>(), ["wait", "name", "stream", "off", "wait"]);
        assert_eq!(query.get("name"), Some("café au lait"));
        assert!(query.flag("stream") && !query.flag("off") && !query.flag("absent"));
        assert_eq!(Query::parse("").get(""), None);
        let query = Query::parse("x&x=off&x=maybe");
        let read: Vec<_> = query.answers("x").map(|answer| answer.map_err(|problem| problem.status())).collect();
        assert_eq!(read, [Ok(true), Ok(false), Err(422)]);
    }
}
