//! The queues, by the seeds' names: two lanes in which files wait for a worker, and the clearing away, which never waits.
//! And which of its files a tenant wants first.

/// A queue that can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Images of whole uploads.
    BatchProcessing,
    /// Single images asked for again: generated anew, retried, replayed.
    ModelGeneration,
    /// Removing what is old. It comes due by itself or is asked for, so nothing waits here; paused, it is not done.
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

/// Which of its own files a tenant wants first. Tenants take turns whatever the priorities of their files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others.
    High,
    /// In the order they came.
    #[default]
    Normal,
    /// When nothing else waits.
    Low,
}

impl Priority {
    /// All of them, the first one first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// What a client may say instead.
    pub const EXPECTED: &'static str = "must be high, normal or low";

    /// Reads a name; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == name)
    }

    /// The name stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
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
        for priority in Priority::ALL {
            assert_eq!(Priority::parse(priority.as_str()), Some(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.as_str());
        }
        assert_eq!(Priority::parse("urgent"), None);
    }

    #[test]
    fn the_scripts_know_the_same_lanes() {
        let lanes = Queue::LANES.map(|lane| format!("'{}'", lane.as_str())).join(", ");
        assert!(include_str!("scripts/prelude_queue.lua").contains(&format!("local LANES = {{ {lanes} }}")));
    }
}
