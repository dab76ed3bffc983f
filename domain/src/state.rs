//! States of jobs and files, as clients see them. The scripts are their only writers.

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// No file has been taken up yet.
    Pending,
    /// At least one file has been taken up.
    Processing,
    /// Every file has its model.
    Completed,
    /// Every file has ended, some with a model and some without.
    PartiallyCompleted,
    /// Every file has ended, none with a model.
    Failed,
    /// The caller stopped it before any model was made.
    Cancelled,
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// In line for a worker.
    Pending,
    /// Its image is on the way to the provider.
    Uploading,
    /// Waiting at the provider.
    QueuedAtProvider,
    /// The provider is making the model.
    Processing,
    /// Its model is there.
    Completed,
    /// There will be no model.
    Failed,
    /// The caller stopped it.
    Cancelled,
}

macro_rules! names {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? } terminal $($end:ident)|+) => {
        impl $type {
            /// Reads the name stored and shown; `None` for any other text.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The name stored and shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Nothing more will happen.
            #[must_use]
            pub fn is_terminal(self) -> bool {
                matches!(self, $(Self::$end)|+)
            }
        }
    };
}

names!(JobStatus {
    Pending => "pending",
    Processing => "processing",
    Completed => "completed",
    PartiallyCompleted => "partially_completed",
    Failed => "failed",
    Cancelled => "cancelled",
} terminal Completed | PartiallyCompleted | Failed | Cancelled);

names!(FileStatus {
    Pending => "pending",
    Uploading => "uploading",
    QueuedAtProvider => "queued_at_provider",
    Processing => "processing",
    Completed => "completed",
    Failed => "failed",
    Cancelled => "cancelled",
} terminal Completed | Failed | Cancelled);

impl JobStatus {
    /// The original system's word for it (`status` of its task routes).
    #[must_use]
    pub fn task_status(self) -> &'static str {
        match self {
            Self::Pending => "queued",
            Self::Processing => "processing",
            Self::Completed | Self::PartiallyCompleted => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Celery's word for it (`state` of the original's task routes).
    #[must_use]
    pub fn celery_state(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROGRESS",
            Self::Completed | Self::PartiallyCompleted => "SUCCESS",
            Self::Failed => "FAILURE",
            Self::Cancelled => "REVOKED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for status in [JobStatus::Pending, JobStatus::PartiallyCompleted, JobStatus::Cancelled] {
            assert_eq!(JobStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(FileStatus::parse("queued_at_provider"), Some(FileStatus::QueuedAtProvider));
        assert_eq!(FileStatus::parse("done"), None);
        assert!(JobStatus::PartiallyCompleted.is_terminal() && !JobStatus::Processing.is_terminal());
    }
}
