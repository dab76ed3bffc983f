//! Why a form is refused, and how the client hears of it.

use image2model_domain::Problem;
use image2model_domain::options::InvalidOption;
use serde_json::json;

use super::{StoreError, StreamFault};

/// The code of files that come after as many as may come.
pub(super) const TOO_MANY_FILES: &str = "TOO_MANY_FILES";

/// A file that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// Its place among the form's files, from 0: several may have one name.
    pub index: usize,
    /// Its sanitised name.
    pub filename: String,
    /// Stable code.
    pub code: String,
    /// A sentence for whoever chose the file.
    pub message: String,
}

/// Why a form is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// The request has another media type.
    #[error("the body is not multipart/form-data")]
    NotAForm,
    /// The media type names no boundary, or one that cannot be.
    #[error("the form has no proper boundary")]
    NoBoundary,
    /// The body does not keep to the rules of multipart/form-data.
    #[error("the form could not be read")]
    Malformed(#[source] multer::Error),
    /// The client went away.
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// Too many parts.
    #[error("the form has too many parts")]
    TooManyParts,
    /// No image at all.
    #[error("the form has no file")]
    NoFiles,
    /// A text field has a value that cannot be.
    #[error(transparent)]
    Field(InvalidOption),
    /// These files, and no others, are not accepted.
    #[error("{} files are not accepted", .0.len())]
    BadFiles(Vec<BadFile>),
    /// The store is away or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<multer::Error> for IntakeError {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamReadFailed(cause) => {
                cause.downcast::<StreamFault>().map_or(Self::Stream(StreamFault::Gone), |fault| Self::Stream(*fault))
            }
            other => Self::Malformed(other),
        }
    }
}

impl IntakeError {
    /// The answer to the client.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotAForm => Problem::new(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "Send the images as multipart/form-data with a field named files.",
            ),
            Self::NoBoundary => Problem::new(
                400,
                "VALIDATION_ERROR",
                "The Content-Type of a form names its boundary, 1 to 70 characters: multipart/form-data; boundary=…",
            ),
            Self::Malformed(_) => Problem::new(
                400,
                "VALIDATION_ERROR",
                "The form could not be read: it is not complete, or its parts are not written as multipart/form-data.",
            ),
            Self::Stream(fault) => stream_problem(*fault),
            Self::TooManyParts => Problem::new(400, "VALIDATION_ERROR", "The form has too many parts."),
            Self::NoFiles => {
                Problem::new(422, "VALIDATION_ERROR", "No file was sent; put the images into a field named files.")
                    .with_details(json!({ "field": "files" }))
            }
            Self::Field(invalid) => Problem::new(422, "VALIDATION_ERROR", format!("{invalid}."))
                .with_details(json!({ "field": invalid.name })),
            Self::BadFiles(bad) => bad_files(bad),
            Self::Store(StoreError::Full) => Problem::storage_full(),
            Self::Store(_) => Problem::unavailable("The images cannot be stored right now; try again in a moment."),
        }
    }
}

fn stream_problem(fault: StreamFault) -> Problem {
    match fault {
        StreamFault::Gone => Problem::new(400, "UPLOAD_INTERRUPTED", "The upload stopped before its end."),
        StreamFault::TooLarge { max } => {
            Problem::new(413, "PAYLOAD_TOO_LARGE", format!("An upload may have at most {max} bytes in all."))
                .with_details(json!({ "max_bytes": max }))
        }
        StreamFault::TooSlow => Problem::new(
            408,
            "UPLOAD_TOO_SLOW",
            "The upload came too slowly and was given up; nothing of it was kept. Try again over a better connection.",
        ),
        StreamFault::HeadTooLong => Problem::new(400, "VALIDATION_ERROR", "The headers of a part are too long."),
    }
}

/// 413 when size is all that is wrong, 400 otherwise.
fn bad_files(bad: &[BadFile]) -> Problem {
    let status = if bad.iter().all(|file| file.code == "FILE_TOO_LARGE") { 413 } else { 400 };
    let detail = match bad {
        // Of the whole upload, whichever file came last.
        [file, ..] if bad.iter().all(|file| file.code == TOO_MANY_FILES) => file.message.clone(),
        [only] => format!("{}: {}", only.filename, only.message),
        _ => format!("{} files are not accepted; nothing was kept.", bad.len()),
    };
    let errors: Vec<_> = bad
        .iter()
        .map(|file| {
            json!({ "index": file.index, "filename": file.filename, "code": file.code, "message": file.message })
        })
        .collect();
    Problem::new(status, "FILE_VALIDATION_ERROR", detail).with_details(json!({ "errors": errors }))
}
