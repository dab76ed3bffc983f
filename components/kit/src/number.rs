//! Numbers of JSON bodies.

use serde_json::Value;

/// A whole number that is not negative, also when it is written as `60.0`.
#[must_use]
pub fn whole(value: &Value) -> Option<u64> {
    image2model_domain::number::whole(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        assert_eq!([json!(60), json!(60.0), json!(0)].map(|value| whole(&value)), [Some(60), Some(60), Some(0)]);
        assert_eq!([json!(60.5), json!(-1.0), json!("60"), json!(1e300)].map(|value| whole(&value)), [None; 4]);
    }
}
