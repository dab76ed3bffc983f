//! Routes that answer like another: the two families of names, seeds' and original's, lead to the same handlers.
//!
//! `x-same-as: getJobStatus` takes everything of that operation that the alias does not say itself.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::{Map, Value};

use crate::json;

/// Names the operation that an alias answers like.
pub const SAME_AS: &str = "x-same-as";

/// Fills every alias in.
pub fn resolve(paths: &mut Map<String, Value>) -> anyhow::Result<()> {
    let mut named: HashMap<String, Value> = HashMap::new();
    for item in paths.values_mut() {
        for (_, operation) in json::operations(item) {
            if operation.get(SAME_AS).is_none() {
                named.insert(json::text(operation, "operationId")?.to_owned(), operation.clone());
            }
        }
    }
    for item in paths.values_mut() {
        for (_, operation) in json::operations(item) {
            let Some(name) = operation.get(SAME_AS).and_then(Value::as_str) else { continue };
            let mut whole = named.get(name).with_context(|| format!("{name} is no operation"))?.clone();
            let own = operation.as_object_mut().map(std::mem::take).unwrap_or_default();
            json::extend(&mut whole, own)?;
            *operation = whole;
        }
    }
    Ok(())
}
