//! Reading a body's fields one by one, so that everything that does not fit is told at once.

use image2model_domain::Problem;
pub(crate) use image2model_kit::whole;
use serde_json::{Map, Value, json};

/// Of a name that is not known, so much is repeated.
const LONGEST_NAME: usize = 100;

/// What does not fit, in the order in which it was found.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Value>);

impl Errors {
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(json!({ "field": field, "message": message.into() }));
    }

    /// Complains about every field that is not `known`.
    pub(crate) fn unknown(&mut self, given: &Map<String, Value>, known: &[&str], within: &str) {
        for name in given.keys().filter(|name| !known.contains(&name.as_str())) {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            self.add(&format!("{within}{name}"), format!("is not a field here; there are {}", known.join(", ")));
        }
    }

    /// 422 with `detail` and `details.errors` when anything does not fit.
    pub(crate) fn or<T>(self, read: T, detail: &str) -> Result<T, Problem> {
        if self.0.is_empty() {
            return Ok(read);
        }
        Err(Problem::new(422, "VALIDATION_ERROR", detail).with_details(json!({ "errors": self.0 })))
    }
}

/// Which fields a refusal names.
#[cfg(test)]
pub(crate) fn named<T: std::fmt::Debug>(refused: Result<T, Problem>) -> Vec<String> {
    let problem = refused.unwrap_err();
    assert_eq!((problem.status(), problem.code()), (422, "VALIDATION_ERROR"));
    let body = problem.body("/", "r");
    body["details"]["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect()
}
