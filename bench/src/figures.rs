//! What many figures come down to.

/// The one below which this share of them lies, `0.5` for the middle one. Zero when there are none.
pub fn quantile(mut figures: Vec<f64>, share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = (figures.len() as f64 * share) as usize;
    figures.get(at.min(figures.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The middle one of several figures.
pub fn median(figures: Vec<f64>) -> f64 {
    quantile(figures, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_taken_in_order() {
        let figures = vec![5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(median(figures.clone()), 3.0);
        assert_eq!(quantile(figures.clone(), 0.0), 1.0);
        assert_eq!(quantile(figures, 1.0), 5.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
