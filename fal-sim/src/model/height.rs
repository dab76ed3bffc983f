//! Brightness as height: a small grid of values 0..1 taken from a picture.
//! The picture is shrunk to the grid first (which averages noise away), its contrast stretched between the darkest and
//! the brightest fiftieth, lightly blurred, and tapered at the rim so that the relief meets its frame evenly.

use image::{GrayImage, RgbImage, imageops};

/// Share of the shorter side over which the relief rises from the frame.
const RIM: f32 = 0.04;

/// Heights on a grid, row 0 at the bottom of the picture.
pub struct HeightField {
    /// Columns, at least 2.
    pub width: usize,
    /// Rows, at least 2.
    pub height: usize,
    values: Vec<f32>,
}

impl HeightField {
    /// Samples `picture` on a `width` × `height` grid.
    pub fn from_picture(picture: &RgbImage, width: usize, height: usize) -> Self {
        let (columns, rows) = (u32::try_from(width).unwrap_or(2), u32::try_from(height).unwrap_or(2));
        let grey = imageops::grayscale(picture);
        let small = imageops::resize(&grey, columns, rows, imageops::FilterType::Triangle);
        let small = if width > 4 && height > 4 { imageops::fast_blur(&small, 0.8) } else { small };
        let (dark, bright) = contrast(&small);
        let mut field = Self { width, height, values: Vec::with_capacity(width * height) };
        for row in 0..rows {
            for column in 0..columns {
                let pixel = small.get_pixel(column, rows - 1 - row).0;
                let value = (f32::from(pixel[0]) - dark) / (bright - dark);
                let rise = field.rim(column as usize, row as usize);
                field.values.push(value.clamp(0.0, 1.0) * rise);
            }
        }
        field
    }

    /// The height at a grid point; points outside answer 0.
    pub fn at(&self, column: usize, row: usize) -> f32 {
        self.values.get(row * self.width + column).copied().unwrap_or(0.0)
    }

    /// Slope along x and y at a grid point, in height per grid step (central where both neighbours exist).
    pub fn slope(&self, column: usize, row: usize) -> (f32, f32) {
        let left = column.saturating_sub(1);
        let right = (column + 1).min(self.width - 1);
        let below = row.saturating_sub(1);
        let above = (row + 1).min(self.height - 1);
        let dx = (self.at(right, row) - self.at(left, row)) / (right - left).max(1) as f32;
        let dy = (self.at(column, above) - self.at(column, below)) / (above - below).max(1) as f32;
        (dx, dy)
    }

    /// 0 at the border, 1 inside, smooth between.
    fn rim(&self, column: usize, row: usize) -> f32 {
        let edge = column.min(self.width - 1 - column).min(row).min(self.height - 1 - row) as f32;
        let reach = (self.width.min(self.height) as f32 * RIM).max(1.0);
        let share = (edge / reach).min(1.0);
        share * share * (3.0 - 2.0 * share)
    }
}

/// The grey values below and above which a fiftieth of the pixels lie, at least 24 apart so that a flat picture stays flat.
fn contrast(picture: &GrayImage) -> (f32, f32) {
    let mut levels: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
    levels.sort_unstable();
    let cut = levels.len() / 50;
    let dark = levels.get(cut).copied().unwrap_or(0);
    let bright = levels.get(levels.len().saturating_sub(1 + cut)).copied().unwrap_or(255);
    (f32::from(dark), f32::from(bright).max(f32::from(dark) + 24.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn brightness_rises_and_the_border_stays_low() {
        let picture = RgbImage::from_fn(64, 64, |x, _| if x < 32 { Rgb([10, 10, 10]) } else { Rgb([240, 240, 240]) });
        let field = HeightField::from_picture(&picture, 33, 33);
        assert!(field.at(26, 16) > 0.9, "bright half is high");
        assert!(field.at(6, 16) < 0.1, "dark half is low");
        assert_eq!(field.at(32, 16), 0.0, "the rim meets the frame");
    }

    #[test]
    fn a_flat_picture_has_no_noise_relief() {
        let field = HeightField::from_picture(&RgbImage::from_pixel(40, 20, Rgb([120, 120, 120])), 16, 8);
        assert!((0..16).all(|column| field.at(column, 4) == 0.0));
    }
}
