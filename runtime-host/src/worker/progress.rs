//! How far a file is, in percent: sending 0–10, queued 10–15, being made 15–90, storing 90–99. Within making there is
//! only time to go by, so the estimate nears its end ever more slowly instead of standing still at it.

use std::time::Duration;

/// The image is being sent.
pub(super) const SENDING: u8 = 2;
/// The image is at the provider.
pub(super) const SENT: u8 = 8;
/// The request is accepted.
pub(super) const ACCEPTED: u8 = 10;
/// The model is made, and being fetched.
pub(super) const FETCHING: u8 = 90;
/// The model is stored, its preview is being fetched.
pub(super) const STORED: u8 = 97;

const QUEUE_SPAN: f64 = 5.0;
const MAKING_FROM: f64 = 15.0;
const MAKING_SPAN: f64 = 75.0;
/// Share of the span reached when the usual time is over.
const AT_TYPICAL: f64 = 0.85;

/// Percent while `ahead` requests are before ours, of at most `most` seen so far.
pub(super) fn queued(ahead: u32, most: u32) -> u8 {
    let share = 1.0 - f64::from(ahead) / f64::from(most.max(ahead).max(1));
    percent(f64::from(ACCEPTED) + QUEUE_SPAN * share)
}

/// Percent after `elapsed` of making something that usually takes `typical`.
pub(super) fn making(elapsed: Duration, typical: Duration) -> u8 {
    let x = elapsed.as_secs_f64() / typical.as_secs_f64().max(1e-3);
    let share = if x <= 1.0 { AT_TYPICAL * x } else { 1.0 - (1.0 - AT_TYPICAL) * (-(x - 1.0)).exp() };
    percent(MAKING_FROM + MAKING_SPAN * share)
}

/// Whole percent, rounded down.
fn percent(value: f64) -> u8 {
    // A cast from float saturates; the range is that of the curve anyway.
    value.clamp(0.0, 99.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_all_the_way_and_never_back() {
        let typical = Duration::from_secs(40);
        let curve: Vec<u8> = (0..400).map(|s| making(Duration::from_secs(s), typical)).collect();
        assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(curve[0], 15);
        assert_eq!(curve[40], 78);
        assert!(curve[120] > curve[60] && curve[399] <= 90);
        assert_eq!(making(Duration::from_secs(9), Duration::ZERO), 90);
    }

    #[test]
    fn the_queue_counts_down() {
        let curve: Vec<u8> = (0..=4).rev().map(|ahead| queued(ahead, 4)).collect();
        assert_eq!(curve, [10, 11, 12, 13, 15]);
        assert_eq!(queued(9, 4), 10);
        assert_eq!(queued(0, 0), 15);
    }
}
