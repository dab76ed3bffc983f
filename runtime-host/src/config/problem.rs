//! What is wrong with the configuration, all of it at once, in words for whoever wrote it. Values are never repeated:
//! any of them might be a secret in the wrong place.

/// One variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub name: &'static str,
    /// What is expected.
    pub expected: String,
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot be used:{}", self.listed())]
pub struct ConfigError {
    /// In the table's order.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    fn listed(&self) -> String {
        self.problems.iter().map(|p| format!("\n  {}: {}", p.name, p.expected)).collect()
    }

    /// Stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "CONFIGURATION"
    }
}
