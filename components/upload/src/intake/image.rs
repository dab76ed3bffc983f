//! One image's way: chunk by chunk through the inspector and on to the store.

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc::{Sender, channel};
use image2model_domain::{FileId, file_name};
use multer::Field;
use sha2::{Digest, Sha256};

use super::error::TOO_MANY_FILES;
use super::head::Head;
use super::naming::declared_kind;
use super::{Abandoned, BadFile, BadImage, ImageFacts, Inspect, Intake, IntakeError, Kind, Services};

/// An accepted image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its id.
    pub id: FileId,
    /// Sanitised name.
    pub filename: String,
    /// What it is.
    pub facts: ImageFacts,
    /// Where it is stored.
    pub key: String,
    /// SHA-256 of its bytes in hex, when digests are taken.
    pub digest: Option<String>,
}

/// What a file part turned out to be.
pub(super) enum Taken {
    Stored(StoredImage),
    Refused(BadFile),
    /// The empty part that browsers send for a file field nobody filled in.
    Nothing,
}

/// How many chunks may wait for the store, beside the one being handed over.
const CHUNKS_AHEAD: usize = 1;

type Outlet = Option<Sender<Result<Bytes, Abandoned>>>;

impl<S: Services> Intake<'_, S> {
    /// Reads one file part to its end. `index`: its place among the files. `keep`: it may have to be stored.
    pub(super) async fn image(
        &self,
        mut field: Field<'_>,
        head: &Head,
        index: usize,
        keep: bool,
    ) -> Result<Taken, IntakeError> {
        let filename = file_name::sanitize(&head.filename);
        let refuse = |bad: BadImage| {
            Taken::Refused(BadFile { index, filename: filename.clone(), code: bad.code, message: bad.message })
        };
        let kind = match self.declared(head, &filename, index) {
            Ok(kind) => kind,
            Err(bad) => {
                let empty = read_to_end(&mut field).await?;
                return Ok(if empty && head.filename.is_empty() { Taken::Nothing } else { refuse(bad) });
            }
        };
        let (id, key) = self.place(kind);
        let mut passage = Passage {
            inspection: self.services.inspect(self.limits.max_file_bytes),
            kind,
            hasher: self.digests.then(Sha256::new),
        };
        // What can be refused by its first bytes never reaches the store.
        let first = match passage.first(&mut field).await? {
            Ok(first) => first,
            Err(bad) => {
                read_to_end(&mut field).await?;
                return Ok(refuse(bad));
            }
        };
        let verdict = if keep {
            let (mut outlet, content) = channel(CHUNKS_AHEAD);
            let feeding = async {
                // A receiver that has gone speaks through the store's own result.
                let _ = outlet.send(Ok(first)).await;
                passage.rest(&mut field, Some(outlet)).await
            };
            let (stored, verdict) = futures::join!(self.services.store(&key, kind, content), feeding);
            let verdict = verdict?;
            if verdict.is_ok() {
                stored?;
            }
            verdict
        } else {
            passage.rest(&mut field, None).await?
        };
        Ok(match verdict {
            Ok(facts) => Taken::Stored(StoredImage { id, filename, facts, key, digest: passage.digest() }),
            Err(bad) => refuse(bad),
        })
    }

    /// What can be said of a file before its content comes.
    fn declared(&self, head: &Head, filename: &str, index: usize) -> Result<Kind, BadImage> {
        let refuse = |code: &str, message: String| Err(BadImage { code: code.to_owned(), message });
        let max = self.limits.max_files;
        if index >= max {
            let noun = if max == 1 { "file is" } else { "files are" };
            return refuse(TOO_MANY_FILES, format!("Too many files: at most {max} {noun} accepted at once."));
        }
        if head.encoded {
            return refuse(
                "UNSUPPORTED_ENCODING",
                "Send the file as it is, without a Content-Transfer-Encoding.".to_owned(),
            );
        }
        declared_kind(filename, head.content_type.as_deref())
    }

    fn place(&self, kind: Kind) -> (FileId, String) {
        let id = self.services.new_file_id();
        let key = format!("uploads/{}/{id}_original.{}", self.job, kind.extension());
        (id, key)
    }
}

/// The inspection of one file while its bytes pass.
struct Passage<I> {
    inspection: I,
    kind: Kind,
    hasher: Option<Sha256>,
}

impl<I: Inspect> Passage<I> {
    fn look(&mut self, chunk: &[u8]) -> Result<(), BadImage> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        self.inspection.push(chunk)
    }

    /// The first chunk with anything in it.
    async fn first(&mut self, field: &mut Field<'_>) -> Result<Result<Bytes, BadImage>, IntakeError> {
        while let Some(chunk) = field.chunk().await? {
            if !chunk.is_empty() {
                return Ok(self.look(&chunk).map(|()| chunk));
            }
        }
        Ok(self.finish().map(|_| Bytes::new()))
    }

    /// Everything after it. The store is told when the file is not to be kept; its bytes are read to their end even so.
    async fn rest(
        &mut self,
        field: &mut Field<'_>,
        mut outlet: Outlet,
    ) -> Result<Result<ImageFacts, BadImage>, IntakeError> {
        let outcome = self.pass(field, &mut outlet).await;
        if !matches!(outcome, Ok(Ok(_))) {
            hand_over(&mut outlet, Err(Abandoned)).await;
        }
        drop(outlet);
        if matches!(outcome, Ok(Err(_))) {
            read_to_end(field).await?;
        }
        outcome
    }

    async fn pass(
        &mut self,
        field: &mut Field<'_>,
        outlet: &mut Outlet,
    ) -> Result<Result<ImageFacts, BadImage>, IntakeError> {
        while let Some(chunk) = field.chunk().await? {
            if let Err(bad) = self.look(&chunk) {
                return Ok(Err(bad));
            }
            hand_over(outlet, Ok(chunk)).await;
        }
        Ok(self.finish())
    }

    fn finish(&self) -> Result<ImageFacts, BadImage> {
        let facts = self.inspection.finish()?;
        if facts.kind == self.kind {
            return Ok(facts);
        }
        let message = format!("The file is a {} image but is named as a {}.", facts.kind.name(), self.kind.name());
        Err(BadImage { code: "TYPE_MISMATCH".to_owned(), message })
    }

    fn digest(self) -> Option<String> {
        self.hasher.map(|hasher| hex::encode(hasher.finalize()))
    }
}

/// Gives a chunk to the store; one that has stopped listening is not asked again.
async fn hand_over(outlet: &mut Outlet, chunk: Result<Bytes, Abandoned>) {
    if let Some(sender) = outlet
        && sender.send(chunk).await.is_err()
    {
        *outlet = None;
    }
}

/// Reads and drops the rest of a part; whether there was nothing.
async fn read_to_end(field: &mut Field<'_>) -> Result<bool, IntakeError> {
    let mut empty = true;
    while let Some(chunk) = field.chunk().await? {
        empty &= chunk.is_empty();
    }
    Ok(empty)
}
