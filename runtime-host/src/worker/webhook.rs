//! FAL tells that a request has ended: a short cut, never relied upon. Whoever receives it records a request that nobody
//! knew of (the answer to its submit was lost), and wakes whichever worker follows the file; the result is fetched from FAL
//! as ever. A webhook may come twice, late, or not at all.

use image2model_domain::commands::{AddOrphan, Bind, BindOutcome, Holding, ReadJob};
use image2model_domain::record::FileRecord;
use image2model_domain::{FileId, JobId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::redis::{RedisError, Store, knock};

/// Where FAL tells it.
pub const PATH: &str = "/api/v1/webhooks/fal";

/// The URL for one submit. Its nonce tells this attempt from any other, and nobody can guess it who does not know the URL
/// of the image.
pub(super) fn url(base: &Url, job: &JobId, file: &FileId, image_url: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{PATH}", base.path().trim_end_matches('/')));
    let (job, file, nonce) = (job.as_str(), file.as_str(), nonce(image_url));
    url.query_pairs_mut().clear().append_pair("job", job).append_pair("file", file).append_pair("nonce", &nonce);
    url
}

fn nonce(image_url: &str) -> String {
    Sha256::digest(image_url).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What FAL tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    job: JobId,
    file: FileId,
    nonce: String,
    request_id: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nobody knew the request; now it is on record.
    Bound,
    /// Nobody needs the request; it will be cancelled.
    Orphaned,
    /// Whoever follows the file was woken.
    Woken,
    /// It is about nothing that goes on here.
    Ignored,
}

impl Heard {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Orphaned => "orphaned",
            Self::Woken => "woken",
            Self::Ignored => "ignored",
        }
    }
}

impl Told {
    /// The job that it is about.
    #[must_use]
    pub fn job(&self) -> &str {
        self.job.as_str()
    }

    /// The request that has ended.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Reads it from the URL's query and the body; `None` when it is not about one of our files.
    #[must_use]
    pub fn read(query: &str, body: &[u8]) -> Option<Self> {
        let mut told = Self {
            job: JobId::parse(&field(query, "job")?).ok()?,
            file: FileId::parse(&field(query, "file")?).ok()?,
            nonce: field(query, "nonce")?,
            request_id: String::new(),
        };
        let body: Value = serde_json::from_slice(body).ok()?;
        // The id a submit was answered with; the other one changes when FAL repeats a request.
        let id = |name| body.get(name).and_then(Value::as_str).filter(|id| !id.is_empty() && id.len() <= 128);
        told.request_id = id("gateway_request_id").or_else(|| id("request_id"))?.to_owned();
        Some(told)
    }

    /// Acts on it; it must be known to come from FAL.
    ///
    /// # Errors
    /// [`RedisError`]: FAL will tell it again.
    pub async fn hear(&self, store: &Store) -> Result<Heard, RedisError> {
        let job = store.run(&ReadJob(&self.job)).await?;
        let Some(file) = job.as_ref().and_then(|job| job.file(&self.file)) else { return Ok(Heard::Ignored) };
        let image_url = file.intent.as_deref().filter(|image_url| nonce(image_url) == self.nonce);
        let heard = match (&file.fal_request_id, image_url) {
            (Some(known), _) if *known == self.request_id => Heard::Woken,
            (None, Some(image_url)) => self.bind(store, file, image_url).await?,
            _ => return Ok(Heard::Ignored),
        };
        knock(store, &self.file).await?;
        Ok(heard)
    }

    async fn bind(&self, store: &Store, file: &FileRecord, image_url: &str) -> Result<Heard, RedisError> {
        // No worker's hold on the file, which only the announcement that it answers makes good.
        let holding = Holding { job: self.job.clone(), file: self.file.clone(), fence: String::new() };
        let bind = Bind { holding: &holding, request_id: &self.request_id, image_url, reconciled: true };
        let outcome = store.run(&bind).await?;
        tracing::info!(
            job_id = %self.job, file_id = %self.file, request_id = file.request_id,
            fal_request_id = self.request_id, ?outcome, "a request is known from FAL.AI's webhook"
        );
        if matches!(outcome, BindOutcome::Done | BindOutcome::LeaseLost) {
            return Ok(Heard::Bound);
        }
        let described: Option<String> =
            store.query(::redis::cmd("HGET").arg(store.keys().providers()).arg(&file.model)).await?;
        let described: Value = serde_json::from_str(&described.unwrap_or_default()).unwrap_or_default();
        let endpoint = described.get("endpoint").and_then(Value::as_str).unwrap_or_default();
        let orphan = AddOrphan {
            endpoint,
            request_id: Some(&self.request_id),
            image_url: None,
            job: self.job.as_str(),
            file: self.file.as_str(),
            intended_at: file.intended_at.unwrap_or_default(),
            delay_ms: 0,
            told: false,
        };
        store.run(&orphan).await?;
        Ok(Heard::Orphaned)
    }
}

fn field(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fal_was_told_comes_back() {
        let (job, file) = (JobId::from_random([1; 16]), FileId::from_random([2; 16]));
        let base = Url::parse("https://models.example.org/prefix/").unwrap();
        let there = url(&base, &job, &file, "https://v3.fal.media/files/x.png");
        assert_eq!(there.path(), "/prefix/api/v1/webhooks/fal");
        let told = Told::read(there.query().unwrap(), br#"{"request_id":"b","gateway_request_id":"a"}"#).unwrap();
        assert_eq!((told.job, told.file, told.request_id.as_str()), (job, file, "a"));
        assert_eq!(told.nonce, nonce("https://v3.fal.media/files/x.png"));
        assert_ne!(told.nonce, nonce("https://v3.fal.media/files/y.png"));
    }

    #[test]
    fn anything_else_is_not_about_us() {
        let query = format!("job={0}&file={0}&nonce=n", "0".repeat(32));
        assert!(Told::read(&query, br#"{"request_id":"r"}"#).is_some());
        assert!(Told::read(&query, b"{}").is_none() && Told::read(&query, b"no json").is_none());
        assert!(Told::read("job=1&file=2&nonce=n", br#"{"request_id":"r"}"#).is_none());
    }
}
