//! Why a file is not accepted: a stable code, and a sentence for whoever chose the file.

use core::fmt;

/// Why a file is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There was no byte at all.
    Empty,
    /// More bytes than the limit.
    FileTooLarge {
        /// The limit, in bytes.
        max_bytes: u64,
    },
    /// It does not begin as a JPEG or a PNG does.
    NotAnImage,
    /// It breaks the rules of its format.
    Corrupt(&'static str),
    /// A form of the format that the models' readers do not know.
    Unsupported(&'static str),
    /// It ends before the image does.
    Truncated,
    /// Something follows the image.
    TrailingData,
    /// A side is shorter than the limit.
    TooSmall {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The limit, in pixels a side.
        min_side: u32,
    },
    /// A side is longer than the limit.
    TooLarge {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The limit, in pixels a side.
        max_side: u32,
    },
    /// More pixels than the limit.
    TooManyPixels {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The limit, in pixels.
        max_pixels: u64,
    },
}

impl Refusal {
    /// The stable code that clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "EMPTY_FILE",
            Self::FileTooLarge { .. } => "FILE_TOO_LARGE",
            Self::NotAnImage => "NOT_AN_IMAGE",
            Self::Corrupt(_) => "CORRUPT_IMAGE",
            Self::Unsupported(_) => "UNSUPPORTED_IMAGE",
            Self::Truncated => "TRUNCATED_IMAGE",
            Self::TrailingData => "TRAILING_DATA",
            Self::TooSmall { .. } => "IMAGE_TOO_SMALL",
            Self::TooLarge { .. } | Self::TooManyPixels { .. } => "IMAGE_TOO_LARGE",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("The file is empty."),
            Self::FileTooLarge { max_bytes } => write!(f, "The file is too large: it has more than {max_bytes} bytes."),
            Self::NotAnImage => f.write_str("The file is not a JPEG or PNG image."),
            Self::Corrupt(what) => write!(f, "The image is damaged: {what}."),
            Self::Unsupported(what) => {
                write!(f, "The image uses {what}, which cannot be read here; save it as an ordinary JPEG or PNG.")
            }
            Self::Truncated => f.write_str("The image is cut off: the file ends before the image does."),
            Self::TrailingData => f.write_str(
                "Something follows the image in this file, such as a video of a motion photo; export the image alone.",
            ),
            Self::TooSmall { width, height, min_side } => {
                write!(f, "The image is {width} x {height} pixels; each side must have at least {min_side}.")
            }
            Self::TooLarge { width, height, max_side } => {
                write!(f, "The image is {width} x {height} pixels; each side may have at most {max_side}.")
            }
            Self::TooManyPixels { width, height, max_pixels } => {
                write!(f, "The image is {width} x {height} pixels; it may have at most {max_pixels} pixels in all.")
            }
        }
    }
}

impl core::error::Error for Refusal {}
