//! The media inspector and the blob gateway, as the intake needs them.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use image2model_domain::FileId;
use image2model_kit::{blobs, random_bits};
use inspector::{Format, Inspection, Limits};

use crate::intake::{
    Abandoned, BadImage, ImageFacts, Inspect, Kind, MAX_PIXELS, MAX_SIDE, MIN_SIDE, Services, StoreError,
};

#[allow(warnings, clippy::all, unsafe_code, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ world: "inspector-user", path: "../../wit/media" });
}

use bindings::image2model::media::inspector;

impl From<inspector::Refusal> for BadImage {
    fn from(refusal: inspector::Refusal) -> Self {
        Self { code: refusal.code, message: refusal.message }
    }
}

impl Inspect for Inspection {
    fn push(&self, chunk: &[u8]) -> Result<(), BadImage> {
        let (head, words, tail) = bytemuck::pod_align_to(chunk);
        Ok(Inspection::push(self, head, words, tail)?)
    }

    fn finish(&self) -> Result<ImageFacts, BadImage> {
        let inspector::Facts { format, width, height, bytes } = Inspection::finish(self)?;
        let kind = match format {
            Format::Jpeg => Kind::Jpeg,
            Format::Png => Kind::Png,
        };
        Ok(ImageFacts { kind, width, height, bytes })
    }
}

/// What the host offers.
pub(super) struct Host;

impl Services for Host {
    type Inspection = Inspection;

    fn inspect(&self, max_bytes: u64) -> Inspection {
        Inspection::new(Limits { max_bytes, min_side: MIN_SIDE, max_side: MAX_SIDE, max_pixels: MAX_PIXELS })
    }

    async fn store(
        &self,
        key: &str,
        kind: Kind,
        content: impl Stream<Item = Result<Bytes, Abandoned>> + Send + 'static,
    ) -> Result<(), StoreError> {
        let chunks = content.map(|chunk| chunk.map_err(anyhow::Error::from));
        let stored = blobs::put(key, kind.content_type(), chunks).await;
        stored.map_err(|error| if error.is_full() { StoreError::Full } else { StoreError::Failed(error.to_string()) })
    }

    fn new_file_id(&self) -> FileId {
        FileId::from_random(random_bits())
    }
}
