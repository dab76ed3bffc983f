//! What a request cost: by what FAL says it billed, else by the provider's price list.

use super::provider::Price;

/// Millionths of a dollar in a cent.
const MICRO_USD_PER_CENT: f64 = 10_000.0;

/// Millionths of a dollar for a request that was billed `units`, or for a finished one of which FAL does not say.
///
/// A unit is a cent where models are billed in credits of the price list's size, as Tripo's are; where far fewer are
/// billed, a unit is one model.
pub(super) fn micro_usd(units: Option<&str>, prices: &[Price]) -> u64 {
    let mut cents: Vec<f64> = prices.iter().map(|price| f64::from(price.cents)).collect();
    cents.sort_by(f64::total_cmp);
    // Which line of the list was meant is the plugin's knowledge; the middle one is usual.
    let usual = cents.get(cents.len() / 2).copied().unwrap_or_default();
    let billed = match units.and_then(|units| units.trim().parse::<f64>().ok()) {
        Some(units) if cents.first().is_some_and(|least| units < *least) => units * usual,
        Some(units) => units,
        None => usual,
    };
    // A cast from float saturates.
    (billed.max(0.0) * MICRO_USD_PER_CENT).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_count_and_the_list_where_there_are_none() {
        let prices = [20, 30, 40].map(|cents| Price { label: String::new(), cents });
        for (units, expected) in [
            (Some("30"), 300_000),
            (Some("45"), 450_000),
            (Some("0"), 0),
            (Some("1"), 300_000),
            (Some("nonsense"), 300_000),
            (None, 300_000),
        ] {
            assert_eq!(micro_usd(units, &prices), expected, "{units:?}");
        }
        assert_eq!((micro_usd(None, &[]), micro_usd(Some("7"), &[])), (0, 70_000));
    }
}
