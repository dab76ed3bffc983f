//! Why bytes could not be kept or found.

/// A failed call to the blob store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The key names nothing that may exist.
    #[error("not a blob key: expected uploads/{{job}}/{{name}} or results/{{job}}/{{name}}")]
    Key,
    /// Nothing there.
    #[error("no such blob")]
    NotFound,
    /// More bytes than allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
    /// The body ended before it was complete.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// The blob is an image that no small picture can be made of.
    #[error("no small picture can be made of it: {0}")]
    NoThumbnail(String),
    /// Others want one as well, and are before it.
    #[error("too many small pictures are wanted at once")]
    Busy,
    /// No byte arrived for a long time.
    #[error("the body stalled")]
    Stalled,
    /// The disk is full.
    #[error("no space left in the blob store")]
    Full,
    /// The disk is not full, but what is left of it is kept for what is at work.
    #[error("{free} bytes are free, of which {reserved} are not for uploads (MIN_FREE_DISK)")]
    Reserved {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to stay free.
        reserved: u64,
    },
    /// Anything else of the store itself.
    #[error("blob store: {0}")]
    Store(#[source] object_store::Error),
    /// The folders cannot be used.
    #[error("cannot use the folder {path}: {source}")]
    Folder {
        /// Which one.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl BlobError {
    /// Stable name for logs and answers.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key => "BLOB_KEY",
            Self::NotFound => "BLOB_NOT_FOUND",
            Self::NoThumbnail(_) => "BLOB_NO_THUMBNAIL",
            Self::Busy => "BLOB_BUSY",
            Self::TooLarge { .. } => "BLOB_TOO_LARGE",
            Self::Broken(_) => "BLOB_BROKEN_BODY",
            Self::Stalled => "BLOB_STALLED_BODY",
            Self::Full | Self::Reserved { .. } => "BLOB_STORE_FULL",
            Self::Store(_) | Self::Folder { .. } => "BLOB_STORE",
        }
    }

    /// The HTTP status that says it.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Key | Self::Broken(_) => 400,
            Self::NotFound | Self::NoThumbnail(_) => 404,
            Self::Stalled => 408,
            Self::TooLarge { .. } => 413,
            Self::Busy => 503,
            Self::Full | Self::Reserved { .. } => 507,
            Self::Store(_) | Self::Folder { .. } => 500,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy | Self::Full | Self::Reserved { .. } | Self::Store(_) | Self::Broken(_) | Self::Stalled
        )
    }

    /// Label for counting.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::NotFound | Self::NoThumbnail(_) => "not_found",
            Self::Busy => "busy",
            Self::TooLarge { .. } => "too_large",
            Self::Broken(_) | Self::Stalled => "broken",
            Self::Full => "full",
            Self::Reserved { .. } => "reserved",
            Self::Store(_) | Self::Folder { .. } => "store",
        }
    }
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Self::NotFound;
        }
        if is_full(&error) { Self::Full } else { Self::Store(error) }
    }
}

/// A full disk is somewhere in the chain of causes.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source()).any(|e| {
        e.downcast_ref::<std::io::Error>()
            .is_some_and(|io| matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded))
    })
}
