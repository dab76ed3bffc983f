//! What has happened so far, counted by the scripts in one hash (`scripts/prelude.lua`, `tally`). Fields whose name begins
//! with `open:` go down again; all others only grow.

use std::collections::BTreeMap;

use crate::queue::Queue;

/// Upper bounds of every histogram, seconds; one more bucket takes what is above.
pub const DURATION_BOUNDS: [u32; 8] = [5, 15, 30, 60, 120, 300, 600, 1800];

/// The counts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, u64>);

/// A histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    /// One for each of [`DURATION_BOUNDS`], and those above. Not cumulative.
    pub buckets: Vec<u64>,
    /// All together, ms.
    pub sum_ms: u64,
}

impl Counters {
    /// Reads the hash: names and values, alternating. What is no count is left out.
    #[must_use]
    pub fn read(flat: &[String]) -> Self {
        let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
            [name, value] => Some((name.clone(), value.parse::<i64>().ok()?.max(0).unsigned_abs())),
            _ => None,
        });
        Self(pairs.collect())
    }

    /// One count; 0 for what has never happened.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How long workers were at files that ended with that status.
    #[must_use]
    pub fn file_durations(&self, status: &str) -> Durations {
        self.durations(&format!("file_duration:{status}"))
    }

    /// How long files of that lane had waited when they were taken up.
    #[must_use]
    pub fn claim_waits(&self, lane: Queue) -> Durations {
        self.durations(&format!("claim_wait:{}", lane.as_str()))
    }

    /// How long requests waited at the provider, from their acceptance until they were seen running.
    #[must_use]
    pub fn provider_waits(&self) -> Durations {
        self.durations("provider_queue")
    }

    fn durations(&self, name: &str) -> Durations {
        let bucket = |bound: String| self.get(&format!("{name}:{bound}"));
        let bounded = DURATION_BOUNDS.iter().map(|bound| bucket(bound.to_string()));
        Durations {
            buckets: bounded.chain([bucket("+Inf".to_owned())]).collect(),
            sum_ms: self.get(&format!("{name}:ms")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_counts_and_durations() {
        let flat =
            ["jobs_created", "3", "open:pending", "-1", "file_duration:failed:15", "2", "file_duration:failed:ms", "9"];
        let counters = Counters::read(&flat.map(str::to_owned));
        assert_eq!((counters.get("jobs_created"), counters.get("open:pending"), counters.get("never")), (3, 0, 0));
        let failed = counters.file_durations("failed");
        assert_eq!((failed.buckets, failed.sum_ms), (vec![0, 2, 0, 0, 0, 0, 0, 0, 0], 9));
    }

    #[test]
    fn the_scripts_have_the_same_bounds() {
        let bounds = DURATION_BOUNDS.map(|bound| bound.to_string()).join(", ");
        assert!(include_str!("scripts/prelude.lua").contains(&format!("ipairs({{ {bounds} }})")));
    }
}
