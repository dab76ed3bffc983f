//! What a file is said to be: its declared media type and its extension have to agree before its content is read.

use super::BadImage;

/// The accepted kinds of image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `.jpg`, `.jpeg`.
    Jpeg,
    /// `.png`.
    Png,
}

impl Kind {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// The extension it is stored with.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
        }
    }

    fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }

    fn of_media_type(declared: &str) -> Option<Self> {
        match declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            // The latter two are what older browsers say.
            "image/jpeg" | "image/jpg" | "image/pjpeg" => Some(Self::Jpeg),
            "image/png" | "image/x-png" => Some(Self::Png),
            _ => None,
        }
    }
}

/// The kind that name and declared type agree on. A part without a type declares nothing that could disagree.
pub(super) fn declared_kind(filename: &str, content_type: Option<&str>) -> Result<Kind, BadImage> {
    let refuse = |code: &str, message: &str| Err(BadImage { code: code.to_owned(), message: message.to_owned() });
    let (_, extension) = image2model_domain::file_name::split_extension(filename);
    let Some(kind) = Kind::of_extension(extension) else {
        return refuse("UNSUPPORTED_EXTENSION", "Only files named .jpg, .jpeg or .png are accepted.");
    };
    match content_type.map(Kind::of_media_type) {
        None => Ok(kind),
        Some(Some(declared)) if declared == kind => Ok(kind),
        Some(Some(_)) => refuse("TYPE_MISMATCH", "The file's name and its declared type do not agree."),
        Some(None) => refuse("UNSUPPORTED_TYPE", "Only image/jpeg and image/png are accepted."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_type_have_to_agree() {
        let code = |name, kind| declared_kind(name, kind).map_err(|bad| bad.code);
        assert_eq!(code("chair.JPG", Some("image/jpeg")), Ok(Kind::Jpeg));
        assert_eq!(code("chair.front.jpeg", Some("IMAGE/JPEG; q=1")), Ok(Kind::Jpeg));
        assert_eq!(code("chair.png", None), Ok(Kind::Png));
        assert_eq!(code("chair.png", Some("image/jpeg")), Err("TYPE_MISMATCH".into()));
        assert_eq!(code("chair.png", Some("application/octet-stream")), Err("UNSUPPORTED_TYPE".into()));
        assert_eq!(code("chair.gif", Some("image/gif")), Err("UNSUPPORTED_EXTENSION".into()));
        assert_eq!(code("jpg", Some("image/jpeg")), Err("UNSUPPORTED_EXTENSION".into()));
        assert_eq!(code("chair.jpg.exe", Some("image/jpeg")), Err("UNSUPPORTED_EXTENSION".into()));
    }
}
