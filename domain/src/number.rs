//! Numbers of JSON.

use std::str::FromStr;

use serde_json::Value;

/// A whole number, also when it is written as `60.0`: JSON Schema knows no difference (2020-12 validation, 6.1.1). Nothing
/// where it is none, or more than there is room for.
#[must_use]
pub fn whole<N: FromStr>(value: &Value) -> Option<N> {
    let number = value.as_number()?;
    let written =
        if number.is_f64() { number.as_f64().filter(|n| n.fract() == 0.0)?.to_string() } else { number.to_string() };
    written.parse().ok()
}
