//! Keeps a result: reads the provider's output, fetches the model and its preview, and stores both, or leaves them where
//! they are when that is what the operator wants; then the model's first bytes are looked at all the same.
//!
//! The model is paid for by now. What can be is retried; when only our own storage or FAL's file host fails for long, the
//! file still completes with the model's URL there, rather than being lost or asked for anew.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, stream};
use image2model_domain::FileStatus;
use image2model_domain::file_name::split_extension;
use image2model_domain::record::Alternate;

use super::Attempt;
use super::content::{format_of, measured, not_whole, peek, picture_of, whole};
use crate::fal::{Class, FalError, Fetched, Outcome};
use crate::worker::blobs::ByteStream;
use crate::worker::end::{End, Failure, Fields};
use crate::worker::progress;
use crate::worker::provider::{ProviderFile, Role};

/// How often a source that waits for Redis shows that it has not stalled.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// Why a file was not kept.
enum NotKept {
    /// It cannot be had.
    Fetch(FalError),
    /// It broke off on the way.
    BrokenOff(io::Error),
    /// It is no model.
    NotAModel,
    /// We cannot store it.
    Storage(io::Error),
}

impl NotKept {
    /// How long the file's host asked to be left alone.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fetch(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// A model that is there.
struct Kept {
    /// In the blob store; `None` when it is left at the provider.
    key: Option<String>,
    size: Option<u64>,
    format: String,
    content_type: Option<&'static str>,
}

impl Attempt<'_> {
    /// Stores what came out of it; answers the fields that complete the file.
    pub(super) async fn keep(&mut self, outcome: Outcome) -> Result<Fields, End> {
        let output = outcome.output.to_string();
        let files = self.patiently(|| self.provider.result(&self.file.options, &output)).await?;
        let is_believed = outcome.is_vouched_for || self.file.resumed_at.is_some();
        let no_model = || over(is_believed, "NO_MODEL", "The model provider made no model from this image");
        let model = files.iter().find(|file| file.role == Role::Model).ok_or_else(no_model)?;
        let mut fields: Fields = vec![("model_url", model.url.clone())];
        fields.extend(outcome.billable_units.map(|units| ("billable_units", units)));
        let Kept { key, size, format, content_type } = self.keep_model(model).await?;
        let (stem, _) = split_extension(&self.file.filename);
        fields.push(("model_name", format!("{stem}.{format}")));
        fields.extend(key.map(|key| ("model_blob", key)));
        fields.extend(size.map(|size| ("model_size", size.to_string())));
        fields.extend(content_type.map(|content_type| ("model_content_type", content_type.to_owned())));
        fields.extend(alternates(&files, &format).map(|list| ("alternates", list)));
        if let Some(preview) = files.iter().find(|file| file.role == Role::Preview) {
            self.progress(FileStatus::Processing, progress::STORED, "Storing the model", None).await?;
            fields.extend(self.keep_preview(preview).await?);
        }
        Ok(fields)
    }

    /// Without a key when it can only be had from FAL for now.
    async fn keep_model(&self, model: &ProviderFile) -> Result<Kept, End> {
        let mut backoff = self.backoff();
        loop {
            let why = match self.held.interruptible(self.try_model(model)).await? {
                Ok(kept) => return Ok(kept),
                Err(why) => why,
            };
            match &why {
                // A host's "not there" is not believed at once: files take a moment to arrive everywhere.
                NotKept::Fetch(error) if error.class() != Class::Transient && error.refusal().is_none() => {
                    return Err(self.end_of(error));
                }
                NotKept::Fetch(error) => tracing::warn!(%error, "a model could not be fetched"),
                NotKept::BrokenOff(error) => tracing::warn!(%error, "a model broke off on the way"),
                NotKept::Storage(error) => tracing::error!(%error, "a model could not be stored"),
                NotKept::NotAModel => tracing::warn!("a file that is no model was fetched"),
            }
            if backoff.failures() + 1 >= self.held.config.store_tries {
                return self.without_model(model, &why);
            }
            self.held.rest(backoff.next_delay(why.retry_after())).await?;
        }
    }

    /// The tries are used up: a file that is gone, or there but no model, fails; one out of reach stays where it is. Its host
    /// may have had a bad minute, so the first retry fetches the same again, and only the next pays for another.
    fn without_model(&self, model: &ProviderFile, why: &NotKept) -> Result<Kept, End> {
        let is_believed = self.file.resumed_at.is_some();
        if matches!(why, NotKept::NotAModel) {
            return Err(over(is_believed, "INVALID_MODEL", "The model provider returned a file that is no model"));
        }
        if let NotKept::Fetch(error) = why
            && error.class() != Class::Transient
        {
            return Err(match self.end_of(error) {
                End::Failed(failure) if !is_believed => End::Failed(Failure { resolved: false, ..failure }),
                end => end,
            });
        }
        tracing::error!(file_id = %self.held.holding.file, "a model is left at the provider");
        Ok(Kept { key: None, size: model.size, format: model.format.clone(), content_type: None })
    }

    async fn try_model(&self, model: &ProviderFile) -> Result<Kept, NotKept> {
        let Fetched { length, bytes, .. } =
            self.shared.fal.fetch_file(&model.url, model.size).await.map_err(NotKept::Fetch)?;
        let (head, bytes) = peek(bytes).await.map_err(NotKept::BrokenOff)?;
        let (format, content_type) = format_of(&head).ok_or(NotKept::NotAModel)?;
        let whole = whole(&head, model.size);
        let (key, size) = if self.held.config.keep_results {
            let key = format!("results/{}/{}_model.{format}", self.held.holding.job, self.held.holding.file);
            let size = self.store(&key, content_type, measured(bytes, whole)).await?;
            (Some(key), Some(size))
        } else {
            let size = length.or(model.size);
            if size.is_some_and(|size| !whole.contains(&size)) {
                return Err(NotKept::BrokenOff(not_whole()));
            }
            (None, size)
        };
        Ok(Kept { key, size, format: format.to_owned(), content_type: Some(content_type) })
    }

    /// A preview is a courtesy: without it the model is as good.
    async fn keep_preview(&self, preview: &ProviderFile) -> Result<Fields, End> {
        let mut fields: Fields = vec![("preview_url", preview.url.clone())];
        let told = picture_named(preview.content_type.as_deref());
        let told = told.map(|content_type| ("preview_content_type", content_type.to_owned()));
        if !self.held.config.keep_results {
            fields.extend(told);
            return Ok(fields);
        }
        match self.held.interruptible(self.try_preview(preview)).await? {
            Ok((key, content_type)) => {
                fields.push(("preview_blob", key));
                fields.push(("preview_content_type", content_type.to_owned()));
            }
            Err(why) => {
                tracing::warn!(file_id = %self.held.holding.file, "a preview could not be kept");
                // What was seen to be no picture is none, whatever it is called.
                fields.extend(told.filter(|_| !matches!(why, NotKept::NotAModel)));
            }
        }
        Ok(fields)
    }

    async fn try_preview(&self, preview: &ProviderFile) -> Result<(String, &'static str), NotKept> {
        let Fetched { bytes, .. } =
            self.shared.fal.fetch_file(&preview.url, preview.size).await.map_err(NotKept::Fetch)?;
        let (head, bytes) = peek(bytes).await.map_err(NotKept::BrokenOff)?;
        let (extension, content_type) = picture_of(&head).ok_or(NotKept::NotAModel)?;
        let key = format!("results/{}/{}_preview.{extension}", self.held.holding.job, self.held.holding.file);
        self.store(&key, content_type, measured(bytes, whole(&head, preview.size))).await?;
        Ok((key, content_type))
    }

    /// Stores bytes, telling apart whether they or the storage failed. Who has lost the file by the time they have all come
    /// stores nothing: a newer hold may have stored its own there, or the job may be gone.
    async fn store(&self, key: &str, content_type: &str, bytes: ByteStream) -> Result<u64, NotKept> {
        let broke = Arc::new(AtomicBool::new(false));
        let noted = broke.clone();
        let fence = self.held.fence();
        let last = unless_lost(async move { fence.stands().await }, SIGN_OF_LIFE);
        let bytes = bytes.chain(last).inspect(move |item| noted.store(item.is_err(), Ordering::Relaxed)).boxed();
        self.shared.blobs.write(key, content_type, bytes).await.map_err(|error| {
            if broke.load(Ordering::Relaxed) { NotKept::BrokenOff(error) } else { NotKept::Storage(error) }
        })
    }
}

/// A failure for good of a request without a model; else one whose result a retry asks for again.
fn over(is_believed: bool, code: &str, message: &str) -> End {
    if is_believed { End::without_model(code, message) } else { End::failed(code, message, true) }
}

/// What comes after the last byte: an error unless the file is still held. While Redis is away it is waited for, and nothing
/// comes now and then, so that the store does not take the source for stalled.
fn unless_lost(
    stands: impl Future<Output = bool> + Send + 'static,
    sign_of_life: Duration,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let lost = || io::Error::other("the file is held by somebody else");
    stream::unfold(Some(stands.boxed()), move |asking| async move {
        let mut asking = asking?;
        match tokio::time::timeout(sign_of_life, &mut asking).await {
            Ok(true) => None,
            Ok(false) => Some((Err(lost()), None)),
            Err(_) => Some((Ok(Bytes::new()), Some(asking))),
        }
    })
}

/// The kind of picture that the provider names, for one that stays there: its bytes have not been seen. Others than these are
/// not shown to anybody as what they are called: an SVG runs what stands in it.
fn picture_named(content_type: Option<&str>) -> Option<&'static str> {
    let named = content_type?.split(';').next()?.trim();
    ["image/webp", "image/png", "image/jpeg"].into_iter().find(|kind| kind.eq_ignore_ascii_case(named))
}

/// The same model in formats other than `offered`, the first of each, as the job's record keeps them.
fn alternates(files: &[ProviderFile], offered: &str) -> Option<String> {
    let mut list: Vec<Alternate> = Vec::new();
    for file in files.iter().filter(|file| file.role != Role::Preview && file.format != offered) {
        if !list.iter().any(|known| known.format == file.format) {
            list.push(Alternate { format: file.format.clone(), url: file.url.clone(), size: file.size });
        }
    }
    (!list.is_empty()).then(|| serde_json::to_string(&list).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_remembered_once_each() {
        let file = |role, format: &str, url: &str| ProviderFile {
            role,
            url: url.to_owned(),
            format: format.to_owned(),
            content_type: None,
            file_name: None,
            size: Some(7),
        };
        let files = [
            file(Role::Model, "glb", "a"),
            file(Role::Preview, "webp", "b"),
            file(Role::Extra, "glb", "c"),
            file(Role::Extra, "obj", "d"),
            file(Role::Extra, "obj", "e"),
        ];
        assert_eq!(alternates(&files, "glb").unwrap(), r#"[{"format":"obj","url":"d","size":7}]"#);
        assert_eq!(alternates(&files[..3], "glb"), None);
    }

    #[test]
    fn only_a_picture_is_believed_to_be_one() {
        assert_eq!(picture_named(Some("image/webp")), Some("image/webp"));
        assert_eq!(picture_named(Some("Image/JPEG; quality=1")), Some("image/jpeg"));
        for other in [None, Some(""), Some("image/svg+xml"), Some("text/html"), Some("application/octet-stream")] {
            assert_eq!(picture_named(other), None, "{other:?}");
        }
    }

    #[tokio::test]
    async fn who_waits_for_redis_has_not_stalled() {
        let after = |ms, stands| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            stands
        };
        let often = Duration::from_millis(1);
        let held: Vec<_> = unless_lost(after(50, true), often).collect().await;
        assert!(!held.is_empty() && held.iter().all(|sign| sign.as_ref().is_ok_and(Bytes::is_empty)), "{held:?}");
        let lost: Vec<_> = unless_lost(after(0, false), Duration::from_secs(60)).collect().await;
        assert!(matches!(&lost[..], [Err(_)]), "{lost:?}");
    }
}
