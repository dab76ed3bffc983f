//! Names of blobs, checked strictly: nothing that a client sends can become a path of its own choice.

use image2model_domain::JobId;
use object_store::path::Path;

use super::BlobError;

const LONGEST_NAME: usize = 128;

/// Which of the two folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// What clients sent.
    Uploads,
    /// What was made of it.
    Results,
}

impl Area {
    /// As it is written in keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::Results => "results",
        }
    }

    /// Reads the name used in keys.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Uploads, Self::Results].into_iter().find(|area| area.as_str() == text)
    }
}

/// Everything of one job in one area: `uploads/{job}/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobPrefix {
    pub(super) area: Area,
    pub(super) job: String,
}

impl BlobPrefix {
    /// Names a job's folder.
    #[must_use]
    pub fn new(area: Area, job: &JobId) -> Self {
        Self { area, job: job.as_str().to_owned() }
    }

    /// Reads `uploads/{job}` or `results/{job}`, with or without a slash at the end.
    ///
    /// # Errors
    /// [`BlobError::Key`].
    pub fn parse(text: &str) -> Result<Self, BlobError> {
        let (area, job) = text.strip_suffix('/').unwrap_or(text).split_once('/').ok_or(BlobError::Key)?;
        Self::of(Area::parse(area).ok_or(BlobError::Key)?, job)
    }

    pub(super) fn of(area: Area, job: &str) -> Result<Self, BlobError> {
        let hex = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        if job.len() == 32 && job.bytes().all(hex) {
            Ok(Self { area, job: job.to_owned() })
        } else {
            Err(BlobError::Key)
        }
    }

    /// The job it belongs to.
    pub(super) fn job(&self) -> &str {
        &self.job
    }

    pub(super) fn path(&self) -> Path {
        Path::from(self.job.as_str())
    }
}

/// One blob: `uploads/{job}/{name}`, the job 32 hex digits, the name 1..128 of `[A-Za-z0-9._-]` not beginning with a dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobKey {
    prefix: BlobPrefix,
    name: String,
}

impl BlobKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`BlobError::Key`].
    pub fn parse(text: &str) -> Result<Self, BlobError> {
        let mut parts = text.split('/');
        let (Some(area), Some(job), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(BlobError::Key);
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(BlobError::Key);
        }
        let area = Area::parse(area).ok_or(BlobError::Key)?;
        Ok(Self { prefix: BlobPrefix::of(area, job)?, name: name.to_owned() })
    }

    /// The name without its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The job it belongs to.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.prefix.job
    }

    /// Which folder it lies in.
    #[must_use]
    pub fn area(&self) -> Area {
        self.prefix.area
    }

    /// Where the small picture of an uploaded image lies: beside it, so that it goes when the image goes. `None` for whatever
    /// is no uploaded image.
    #[must_use]
    pub fn thumbnail(&self) -> Option<Self> {
        let (file, _) = self.name.rsplit_once("_original.").filter(|_| self.area() == Area::Uploads)?;
        Some(Self { prefix: self.prefix.clone(), name: format!("{file}_thumbnail.jpg") })
    }

    /// The media type its extension stands for.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("png") => "image/png",
            Some("webp") => "image/webp",
            Some("glb") => "model/gltf-binary",
            Some("gltf") => "model/gltf+json",
            Some("obj") => "model/obj",
            Some("stl") => "model/stl",
            Some("usdz") => "model/vnd.usdz+zip",
            Some("json") => "application/json",
            Some("zip") => "application/zip",
            _ => "application/octet-stream",
        }
    }

    pub(super) fn prefix(&self) -> &BlobPrefix {
        &self.prefix
    }

    pub(super) fn path(&self) -> Path {
        Path::from_iter([self.prefix.job.as_str(), self.name.as_str()])
    }
}

impl std::fmt::Display for BlobKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.prefix.area.as_str(), self.prefix.job, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_key_is_read_and_written() {
        let text = format!("results/{JOB}/a_model.glb");
        let key = BlobKey::parse(&text).unwrap();
        assert_eq!((key.to_string(), key.content_type()), (text, "model/gltf-binary"));
    }

    #[test]
    fn nothing_else_is_a_key() {
        let bad = [
            "",
            "/",
            "uploads",
            "other/{}/a",
            "uploads/{}",
            "uploads/{}/",
            "uploads/{}/../a",
            "uploads/{}/a/b",
            "uploads/../{}/a",
            "uploads/{}/.hidden",
            "uploads/{}/a b",
            "uploads/{}/a%2fb",
            "uploads/{}/a\\b",
            "uploads/ABC/a",
            "/uploads/{}/a",
            "uploads/{}/a#1",
            "uploads/{}/\u{e9}",
        ];
        for text in bad {
            assert!(BlobKey::parse(&text.replace("{}", JOB)).is_err(), "{text}");
        }
        assert!(BlobKey::parse(&format!("uploads/{JOB}/{}", "a".repeat(129))).is_err());
    }

    #[test]
    fn a_prefix_is_always_one_job() {
        assert!(BlobPrefix::parse(&format!("uploads/{JOB}/")).is_ok());
        for text in [
            "uploads/",
            "uploads",
            "/",
            "uploads/..",
            "uploads/0123/",
            &format!("{JOB}/"),
            &format!("uploads/{JOB}/x/"),
        ] {
            assert!(BlobPrefix::parse(text).is_err(), "{text}");
        }
    }
}
