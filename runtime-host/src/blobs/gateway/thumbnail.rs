//! Small pictures of uploaded images, for lists: made when one is first asked for, kept beside the image.
//!
//! Opening a photograph takes a processor for a moment and memory for all its pixels, so one is made at a time, whatever is
//! asked for; the upload has bounded its sides and its pixels, and they are bounded here again. A picture goes with its image.

use std::io::Cursor;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};
use tokio::sync::Semaphore;

use super::State;
use crate::blobs::{BlobError, BlobKey};

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

/// Makes one picture at a time.
pub(super) struct Maker(Semaphore);

impl Default for Maker {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// The key of the image's small picture, which is there once this has answered.
pub(super) async fn of(state: &State, original: &BlobKey) -> Result<BlobKey, BlobError> {
    let small = original.thumbnail().ok_or(BlobError::Key)?;
    if is_there(state, &small).await? {
        return Ok(small);
    }
    let _place = state.thumbnails.0.acquire().await.map_err(|error| BlobError::NoThumbnail(error.to_string()))?;
    // Whoever had the place before may have made it.
    if is_there(state, &small).await? {
        return Ok(small);
    }
    state.blobs.room(state.min_free)?.require(0)?;
    let image = read(state, original).await?;
    let made = tokio::task::spawn_blocking(move || shrunk(&image)).await;
    let made = made.map_err(|error| error.to_string()).flatten().map_err(BlobError::NoThumbnail)?;
    let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(made))]);
    state.blobs.put(&small, LARGEST, body).await?;
    Ok(small)
}

async fn is_there(state: &State, key: &BlobKey) -> Result<bool, BlobError> {
    match state.blobs.head(key).await {
        Ok(_) => Ok(true),
        Err(BlobError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn read(state: &State, key: &BlobKey) -> Result<Bytes, BlobError> {
    let mut blob = state.blobs.get(key, None).await?;
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
    use image::{ImageFormat, Rgba, RgbaImage};

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
