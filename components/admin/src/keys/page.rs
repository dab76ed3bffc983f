//! Which page of the keys is asked for: `?limit=` and `?cursor=`, the id of the last key of the page before.

use image2model_domain::{Problem, api_key};
use image2model_kit::query::Query;
use serde_json::json;

/// Keys on a page unless the client asks for fewer or more.
const PAGE: usize = 50;
/// Most keys on a page.
const LARGEST_PAGE: usize = 100;
/// Hex digits of an id.
const ID_LENGTH: usize = 32;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) after: Option<String>,
}

impl Page {
    pub(super) fn parse(query: &Query) -> Result<Self, Problem> {
        let fits = |n: &usize| (1..=LARGEST_PAGE).contains(n);
        let limit = query.get("limit").map_or(Some(PAGE), |text| text.parse().ok().filter(fits));
        let limit = limit.ok_or_else(|| invalid("limit", "limit must be a whole number from 1 to 100"))?;
        let is_id = |id: &str| api_key::id_of(id) == id && id.len() == ID_LENGTH;
        let after = query.get("cursor").map(|id| is_id(id).then(|| id.to_owned()).ok_or_else(unknown_cursor));
        Ok(Self { limit, after: after.transpose()? })
    }
}

/// 422 for a cursor that no page ended with.
pub(super) fn unknown_cursor() -> Problem {
    invalid("cursor", "cursor is not one of ours")
}

fn invalid(field: &str, detail: &str) -> Problem {
    let details = json!({ "errors": [{ "field": field, "message": detail }] });
    Problem::new(422, "VALIDATION_ERROR", detail).with_details(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_asked_for_and_refuses_the_rest() {
        let parse = |text: &str| Page::parse(&Query::parse(text));
        assert_eq!(parse("").unwrap(), Page { limit: 50, after: None });
        let id = "ab".repeat(16);
        assert_eq!(parse(&format!("limit=1&cursor={id}")).unwrap(), Page { limit: 1, after: Some(id) });
        for bad in ["limit=0", "limit=101", "limit=-1", "limit=x", "cursor=", "cursor=abc"] {
            assert_eq!(parse(bad).unwrap_err().status(), 422, "{bad}");
        }
    }
}
