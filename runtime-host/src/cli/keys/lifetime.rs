//! How long a key is good for, as people write it: `90d`, `12h`, `30m`, `45s`.

/// Seconds of a number and its unit.
pub fn seconds(text: &str) -> Result<u64, String> {
    let expected = || "expected a whole number and a unit: 90d, 12h, 30m or 90s".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn reads_a_number_and_its_unit() {
        assert_eq!((seconds("90d"), seconds("12h"), seconds("60s")), (Ok(7_776_000), Ok(43_200), Ok(60)));
        for bad in ["", "d", "90", "-1d", "1.5h", "1w", "9é", "99999999999999999999d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
