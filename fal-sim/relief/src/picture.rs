//! Decodes the image a caller sent: JPEG, PNG or WebP, turned upright by its EXIF orientation, alpha laid on white,
//! shrunk at once to what the texture needs so that only one full-size copy ever lives.
//! Bounded by [`MAX_PIXELS`]: dimensions are read from the header before any pixel is decoded.

use crate::ReliefError;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, codecs::jpeg::JpegEncoder};
use std::io::Cursor;

/// Longer side of the largest square picture taken, in pixels.
pub const MAX_SIDE: u32 = 10_000;
/// Largest picture taken, in pixels.
const MAX_PIXELS: u64 = MAX_SIDE as u64 * MAX_SIDE as u64;
/// Formats a caller may send, by FAL's names.
pub const FORMATS: [&str; 3] = ["jpg", "png", "webp"];

/// The upright picture, its longer side at most `longest` pixels.
pub fn decode(bytes: &[u8], longest: u32) -> Result<RgbImage, ReliefError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| ReliefError::Unreadable)?;
    match reader.format() {
        Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {}
        Some(_) => return Err(ReliefError::UnsupportedFormat),
        None => return Err(ReliefError::Unreadable),
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| ReliefError::Unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ReliefError::TooLarge);
    }
    let orientation = decoder.orientation().map_err(|_| ReliefError::Unreadable)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| ReliefError::Unreadable)?;
    if width.max(height) > longest {
        picture = picture.thumbnail(longest, longest);
    }
    picture.apply_orientation(orientation);
    Ok(on_white(picture))
}

/// A baseline JPEG of the picture.
pub fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ReliefError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|_| ReliefError::Writing("texture"))?;
    Ok(bytes)
}

/// A drawing of a vase on a table: what stands in for marker URLs on hosts that cannot be reached.
pub fn built_in() -> RgbImage {
    RgbImage::from_fn(480, 640, |x, y| {
        let (u, v) = (x as f32 / 480.0 * 2.0 - 1.0, y as f32 / 640.0);
        let profile = 0.18 + 0.34 * ((v - 0.15) * 4.2).sin().abs() * (1.0 - v * 0.45);
        if (0.15..0.85).contains(&v) && u.abs() < profile {
            let round = (1.0 - (u / profile).powi(2)).max(0.0).sqrt();
            let band = if (v * 9.0).fract() < 0.25 { 0.75 } else { 1.0 };
            let light = (60.0 + 195.0 * round) * band;
            image::Rgb([light as u8, (light * 0.72) as u8, (light * 0.5) as u8])
        } else {
            let wall = 40.0 + 30.0 * v;
            image::Rgb([(wall * 0.8) as u8, wall as u8, (wall * 1.2) as u8])
        }
    })
}

fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
        let over = |value: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            u8::try_from((value * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255)
        };
        image::Rgb([over(red), over(green), over(blue)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_become_white() {
        let clear = image::RgbaImage::from_pixel(4, 4, image::Rgba([0, 0, 0, 0]));
        let mut png = Vec::new();
        DynamicImage::from(clear).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        assert_eq!(decode(&png, 64).unwrap().get_pixel(1, 1).0, [255, 255, 255]);
    }

    #[test]
    fn the_longer_side_is_bounded_and_proportions_kept() {
        let bytes = jpeg(&RgbImage::new(1200, 600), 80).unwrap();
        assert_eq!(decode(&bytes, 300).unwrap().dimensions(), (300, 150));
    }

    #[test]
    fn rubbish_and_truncated_files_are_refused() {
        let whole = jpeg(&built_in(), 80).unwrap();
        assert_eq!(decode(b"not an image", 64).unwrap_err(), ReliefError::Unreadable);
        assert_eq!(decode(&whole[..30], 64).unwrap_err(), ReliefError::Unreadable);
        assert_eq!(decode(b"GIF89a\x01\0\x01\0\0\0\0", 64).unwrap_err(), ReliefError::UnsupportedFormat);
    }
}
