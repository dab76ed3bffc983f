//! The queues, by the seeds' names: two lanes in which files wait for a worker, and the clearing away, which never waits.

/// A queue that can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Images of whole uploads.
    BatchProcessing,
    /// Single images asked for again: generated anew, retried, replayed.
    ModelGeneration,
    /// Removing what is old. Done while it is asked for, so nothing waits here; paused, it is refused.
    Maintenance,
}

impl Queue {
    /// The queues in which files wait.
    pub const LANES: [Self; 2] = [Self::BatchProcessing, Self::ModelGeneration];
    /// All of them.
    pub const ALL: [Self; 3] = [Self::BatchProcessing, Self::ModelGeneration, Self::Maintenance];

    /// Reads a name; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }

    /// The name stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BatchProcessing => "batch_processing",
            Self::ModelGeneration => "model_generation",
            Self::Maintenance => "maintenance",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_seeds_and_read_back() {
        for queue in Queue::ALL {
            assert_eq!(Queue::parse(queue.as_str()), Some(queue));
            assert_eq!(serde_json::to_value(queue).unwrap(), queue.as_str());
        }
        assert_eq!(Queue::parse("celery"), None);
    }

    #[test]
    fn the_scripts_know_the_same_lanes() {
        let lanes = Queue::LANES.map(|lane| format!("'{}'", lane.as_str())).join(", ");
        assert!(include_str!("scripts/prelude.lua").contains(&format!("local LANES = {{ {lanes} }}")));
    }
}
