//! The small picture FAL sends beside a model: the relief lit from the upper left, as WebP.

use crate::ReliefError;
use crate::height::HeightField;
use image::{RgbImage, codecs::webp::WebPEncoder, imageops};

/// Longer side of the preview, in pixels.
const LONGEST: u32 = 320;
/// How strongly slopes change the light.
const SHADING: f32 = 6.0;

/// A lossless WebP of the shaded picture; grey instead of its colours when the model has no texture.
pub fn render(picture: &RgbImage, textured: bool) -> Result<Vec<u8>, ReliefError> {
    let scale = f64::from(LONGEST) / f64::from(picture.width().max(picture.height()).max(1));
    let sized = |side: u32| ((f64::from(side) * scale).round() as u32).clamp(2, LONGEST);
    let (width, height) = (sized(picture.width()), sized(picture.height()));
    let mut small = imageops::resize(picture, width, height, imageops::FilterType::Triangle);
    let field = HeightField::from_picture(&small, width as usize, height as usize);
    for (x, y, pixel) in small.enumerate_pixels_mut() {
        let (dx, dy) = field.slope(x as usize, (height - 1 - y) as usize);
        let light = (0.95 + SHADING * (dy - dx) * 0.25).clamp(0.45, 1.25);
        let colour = if textured { pixel.0 } else { [200, 200, 204] };
        pixel.0 = colour.map(|value| (f32::from(value) * light).min(255.0) as u8);
    }
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .encode(&small, width, height, image::ExtendedColorType::Rgb8)
        .map_err(|_| ReliefError::Writing("preview"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_webp_of_the_same_proportions() {
        let bytes = render(&RgbImage::new(900, 300), true).unwrap();
        let back = image::load_from_memory_with_format(&bytes, image::ImageFormat::WebP).unwrap();
        assert_eq!((back.width(), back.height()), (320, 107));
    }
}
