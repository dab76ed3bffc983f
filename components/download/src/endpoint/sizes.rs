//! How large models are: as recorded, or as the store says that has them.

use futures::{StreamExt, stream};
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use image2model_kit::blobs::Blob;

use super::served::open;
use crate::results::{ModelResult, Offer, Place};

/// Stores asked at a time.
const AT_A_TIME: usize = 8;

/// A model that is there.
pub(super) struct Measured {
    pub(super) place: Place,
    pub(super) size: u64,
}

/// The size of each model; only those without a recorded one are asked for.
pub(super) async fn recorded(models: &[ModelResult<'_>]) -> Vec<Option<u64>> {
    let mut sizes = Vec::new();
    for result in models {
        sizes.push(match result.file.model_size {
            Some(size) => Some(size),
            None => find(result.offer(None)).await.map(|found| found.size),
        });
    }
    sizes
}

/// Where each model is at this moment, and how large; `None` for one that cannot be had.
pub(super) async fn measured(models: &[ModelResult<'_>]) -> Vec<Option<Measured>> {
    let ask: Vec<_> = models.iter().map(|result| find(result.offer(None))).collect();
    stream::iter(ask).buffered(AT_A_TIME).collect().await
}

async fn find(offer: Option<Offer>) -> Option<Measured> {
    for place in offer?.places {
        if let Some(size) = size_at(&place).await {
            return Some(Measured { place, size });
        }
    }
    None
}

/// Elsewhere the first byte is asked for: a signed URL may be good for `GET` alone.
async fn size_at(place: &Place) -> Option<u64> {
    let blob = match place {
        Place::Here(_) => open(place, Method::HEAD, &[]).await.ok()?,
        Place::Elsewhere(_) => open(place, Method::GET, &[("range", "bytes=0-0")]).await.ok()?,
    };
    match blob.status.as_u16() {
        200 => text(&blob, &CONTENT_LENGTH)?.parse().ok(),
        206 => text(&blob, &CONTENT_RANGE)?.rsplit_once('/')?.1.parse().ok(),
        _ => None,
    }
}

fn text<'a>(blob: &'a Blob, name: &http::HeaderName) -> Option<&'a str> {
    blob.headers.get(name).and_then(|value| value.to_str().ok())
}
