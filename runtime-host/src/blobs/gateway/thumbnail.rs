//! Small pictures of uploaded images, for lists: made when one is first asked for, kept beside the image.
//!
//! Opening a photograph takes a processor for a moment and memory for all its pixels, so one is made at a time, whatever is
//! asked for and whoever goes away meanwhile; the upload has bounded its sides and its pixels, and they are bounded here again.
//! A picture goes with its image.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};
use tokio::sync::Semaphore;

use super::State;
use crate::blobs::{BlobError, BlobKey, Blobs, FreeSpace};

/// Longest side, in pixels.
const SIDE: u32 = 320;
/// Quality of the JPEG.
const QUALITY: u8 = 80;
/// Longest side of an image that is opened, in pixels.
const LONGEST_SIDE: u32 = 8192;
/// Memory that one may take, bytes: 40 megapixels of four bytes, twice.
const MEMORY: u64 = 320 * 1024 * 1024;
/// The largest file that is opened, bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Whoever asks waits so long for its turn: components wait ten seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// Makes one picture at a time.
pub(super) struct Maker {
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Maker {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(1)), patience: PATIENCE }
    }
}

/// The key of the image's small picture, which is there once this has answered.
pub(super) async fn of(state: &State, original: &BlobKey) -> Result<BlobKey, BlobError> {
    let small = original.thumbnail().ok_or(BlobError::Key)?;
    if is_there(&state.blobs, &small).await? {
        return Ok(small);
    }
    let turn =
        tokio::time::timeout(state.thumbnails.patience, Arc::clone(&state.thumbnails.turns).acquire_owned()).await;
    let turn = turn.map_err(|_| BlobError::Busy)?;
    let turn = turn.map_err(|error| BlobError::NoThumbnail(error.to_string()))?;
    let making = make(state.blobs.clone(), state.min_free, original.clone(), small.clone());
    // In a task of its own, which has the turn: opening an image does not end with an asker that goes away, so the next one
    // must not begin, and what was made is kept.
    let made = tokio::spawn(async move {
        let _turn = turn;
        making.await
    });
    made.await.map_err(|error| BlobError::NoThumbnail(error.to_string()))??;
    Ok(small)
}

async fn make(blobs: Blobs, min_free: FreeSpace, original: BlobKey, small: BlobKey) -> Result<(), BlobError> {
    // Whoever had the turn before may have made it.
    if is_there(&blobs, &small).await? {
        return Ok(());
    }
    blobs.room(min_free)?.require(0)?;
    let image = read(&blobs, &original).await?;
    let made = tokio::task::spawn_blocking(move || shrunk(&image)).await;
    let made = made.map_err(|error| error.to_string()).flatten().map_err(BlobError::NoThumbnail)?;
    let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(made))]);
    blobs.put(&small, LARGEST, body).await?;
    Ok(())
}

async fn is_there(blobs: &Blobs, key: &BlobKey) -> Result<bool, BlobError> {
    match blobs.head(key).await {
        Ok(_) => Ok(true),
        Err(BlobError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn read(blobs: &Blobs, key: &BlobKey) -> Result<Bytes, BlobError> {
    let mut blob = blobs.get(key, None).await?;
    if blob.meta.size > LARGEST {
        return Err(BlobError::NoThumbnail(format!("it has {} bytes", blob.meta.size)));
    }
    let mut bytes = BytesMut::with_capacity(usize::try_from(blob.meta.size).unwrap_or_default());
    while let Some(chunk) = blob.chunks.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// A small JPEG of the image, the right way up.
fn shrunk(image: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = ImageReader::new(Cursor::new(image)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LONGEST_SIDE), Some(LONGEST_SIDE));
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    let whole = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    let (width, height) = (whole.width(), whole.height());
    let mut small = if width.max(height) > SIDE { whole.thumbnail(SIDE, SIDE) } else { whole };
    small.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    on_white(&small).write_with_encoder(encoder).map_err(|error| error.to_string())?;
    Ok(jpeg)
}

/// What is transparent is shown on white, as a JPEG knows no transparency.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let image = image.to_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u16::from);
        let over = |light: u16| u8::try_from((light * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        Rgb([over(red), over(green), over(blue)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::gateway::{Chunks, Elsewhere, ElsewhereError};
    use http::{HeaderMap, Method, Response};
    use image::{ImageFormat, Rgba, RgbaImage};

    struct Nowhere;

    #[async_trait::async_trait]
    impl Elsewhere for Nowhere {
        async fn open(&self, _: Method, url: &str, _: HeaderMap) -> Result<Response<Chunks>, ElsewhereError> {
            Err(ElsewhereError::Forbidden(url.to_owned()))
        }
    }

    /// A store with one large photograph in it.
    async fn gallery(folder: &std::path::Path) -> (Arc<State>, BlobKey) {
        let blobs = Blobs::local(&folder.join("uploads"), &folder.join("results")).unwrap();
        let state = State {
            blobs,
            token: "a-token".into(),
            max_bytes: LARGEST,
            min_free: FreeSpace::Bytes(0),
            elsewhere: Arc::new(Nowhere),
            thumbnails: Maker::default(),
        };
        let key = BlobKey::parse(&format!("uploads/{:032x}/a_original.png", 1)).unwrap();
        let photograph = DynamicImage::ImageRgb8(RgbImage::from_pixel(4000, 3000, Rgb([200, 30, 30])));
        let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(png(&photograph)))]);
        state.blobs.put(&key, LARGEST, body).await.unwrap();
        (Arc::new(state), key)
    }

    fn ask(state: &Arc<State>, key: &BlobKey) -> tokio::task::JoinHandle<Result<BlobKey, BlobError>> {
        let (state, key) = (Arc::clone(state), key.clone());
        tokio::spawn(async move { of(&state, &key).await })
    }

    /// Waits until the picture is there, or its making has begun; a minute at most.
    async fn until(state: &State, small: &BlobKey, begun: bool) {
        let wait = async {
            while !(is_there(&state.blobs, small).await.unwrap() || begun && is_at_work(state)) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap();
    }

    fn is_at_work(state: &State) -> bool {
        state.thumbnails.turns.available_permits() == 0
    }

    #[tokio::test]
    async fn whoever_has_to_wait_for_too_long_is_told_to_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut state, key) = gallery(folder.path()).await;
        Arc::get_mut(&mut state).unwrap().thumbnails.patience = Duration::from_millis(20);
        let turn = Arc::clone(&state.thumbnails.turns).acquire_owned().await.unwrap();
        let refused = of(&state, &key).await.unwrap_err();
        assert!(matches!(refused, BlobError::Busy) && refused.is_retryable() && refused.status() == 503);
        drop(turn);
        assert_eq!(of(&state, &key).await.unwrap(), key.thumbnail().unwrap());
    }

    #[tokio::test]
    async fn whoever_goes_away_lets_no_second_one_begin_and_finds_it_made() {
        let folder = tempfile::tempdir().unwrap();
        let (state, key) = gallery(folder.path()).await;
        let small = key.thumbnail().unwrap();
        let asked = ask(&state, &key);
        until(&state, &small, true).await;
        asked.abort();
        assert!(asked.await.is_err_and(|error| error.is_cancelled()) || is_there(&state.blobs, &small).await.unwrap());
        assert!(is_at_work(&state) || is_there(&state.blobs, &small).await.unwrap(), "it is being made");
        until(&state, &small, false).await;
        let made = state.blobs.head(&small).await.unwrap();
        assert_eq!(ask(&state, &key).await.unwrap().unwrap(), small);
        assert_eq!(state.blobs.head(&small).await.unwrap(), made, "it is made once");
    }

    #[tokio::test]
    async fn those_in_line_find_what_was_made_and_leave_it_when_they_go() {
        let folder = tempfile::tempdir().unwrap();
        let (state, key) = gallery(folder.path()).await;
        let turn = Arc::clone(&state.thumbnails.turns).acquire_owned().await.unwrap();
        let (gone, first, second) = (ask(&state, &key), ask(&state, &key), ask(&state, &key));
        tokio::time::sleep(Duration::from_millis(50)).await;
        gone.abort();
        drop(turn);
        assert_eq!(first.await.unwrap().unwrap(), key.thumbnail().unwrap());
        let made = state.blobs.head(&key.thumbnail().unwrap()).await.unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(state.blobs.head(&key.thumbnail().unwrap()).await.unwrap(), made);
        assert!(!is_at_work(&state), "nobody who has gone holds a turn");
    }

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn it_fits_and_keeps_its_shape() {
        let wide = DynamicImage::ImageRgb8(RgbImage::from_pixel(1600, 400, Rgb([200, 30, 30])));
        let small = image::load_from_memory(&shrunk(&png(&wide)).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (320, 80));
        let tiny = DynamicImage::ImageRgb8(RgbImage::from_pixel(40, 32, Rgb([0, 0, 0])));
        let same = image::load_from_memory(&shrunk(&png(&tiny)).unwrap()).unwrap();
        assert_eq!((same.width(), same.height()), (40, 32), "what is small is not blown up");
    }

    #[test]
    fn what_is_transparent_is_white() {
        let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(64, 64, Rgba([0, 0, 0, 0])));
        let small = image::load_from_memory(&shrunk(&png(&clear)).unwrap()).unwrap().to_rgb8();
        assert!(small.get_pixel(30, 30).0.iter().all(|light| *light > 250));
    }

    #[test]
    fn what_is_no_image_gives_none() {
        assert!(shrunk(b"no image").is_err() && shrunk(&[]).is_err());
    }
}
