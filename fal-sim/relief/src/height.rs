//! A picture as heights: a small grid of values 0..1 in which the subject stands out and brightness gives it its shape.
//! The subject is what differs from the background, and the background of each row is taken from the row's two ends, so
//! that a wall and the table before it both stay low. Everything is computed in floating point: 256 grey steps would
//! show as contour lines. The rim is tapered, so that the relief meets its frame evenly.

use image::{Rgb, Rgb32FImage, RgbImage, imageops};

/// Share of the shorter side over which the relief rises from the frame.
const RIM: f32 = 0.04;
/// Colour difference (0..1) that always counts as some subject; keeps noise in flat pictures low.
const LEAST_CONTRAST: f32 = 0.1;
/// How much of the subject's height comes from its brightness.
const SHAPE: f32 = 0.45;
/// How much brightness shows in the background.
const BACKGROUND: f32 = 0.1;

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
        let exact = Rgb32FImage::from_fn(picture.width(), picture.height(), |x, y| {
            Rgb(picture.get_pixel(x, y).0.map(|value| f32::from(value) / 255.0))
        });
        let small = imageops::resize(&exact, columns, rows, imageops::FilterType::Triangle);
        let small = imageops::flip_vertical(&small);
        let subject = stretched(&differences(&small));
        let light = stretched(&small.pixels().map(brightness).collect::<Vec<f32>>());
        let heights = subject.iter().zip(&light).map(|(&subject, &light)| {
            let subject = subject * subject * (3.0 - 2.0 * subject);
            subject * (1.0 - SHAPE + SHAPE * light) + (1.0 - subject) * BACKGROUND * light
        });
        let mut field = Self { width, height, values: heights.collect() };
        // A pattern on the subject is not its shape: the finer the grid, the further its steps are spread.
        for _ in 0..(width.min(height) / 16).clamp(1, 12) {
            field.smooth();
        }
        field.taper();
        field
    }

    /// Averages each point with its neighbours, which takes single-pixel steps away.
    fn smooth(&mut self) {
        let average = |column: usize, row: usize| {
            let columns = column.saturating_sub(1)..=(column + 1).min(self.width - 1);
            let rows = row.saturating_sub(1)..=(row + 1).min(self.height - 1);
            let count = (columns.clone().count() * rows.clone().count()) as f32;
            rows.flat_map(|row| columns.clone().map(move |column| (column, row)))
                .map(|(column, row)| self.at(column, row))
                .sum::<f32>()
                / count
        };
        let points = (0..self.height).flat_map(|row| (0..self.width).map(move |column| (column, row)));
        self.values = points.map(|(column, row)| average(column, row)).collect();
    }

    fn taper(&mut self) {
        let points = (0..self.height).flat_map(|row| (0..self.width).map(move |column| (column, row)));
        let tapered = points.map(|(column, row)| self.at(column, row) * self.rim(column, row));
        self.values = tapered.collect();
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

/// How far each pixel's colour is from its row's background, which runs evenly from the row's left end to its right.
fn differences(picture: &Rgb32FImage) -> Vec<f32> {
    let last = picture.width().saturating_sub(1);
    let difference = |(x, y, pixel): (u32, u32, &Rgb<f32>)| {
        let share = x as f32 / last.max(1) as f32;
        let (left, right) = (picture.get_pixel(0, y).0, picture.get_pixel(last, y).0);
        let ends = left.into_iter().zip(right);
        let gaps = pixel.0.into_iter().zip(ends).map(|(value, (left, right))| value - (left + (right - left) * share));
        gaps.map(f32::abs).fold(0.0, f32::max)
    };
    picture.enumerate_pixels().map(difference).collect()
}

/// ITU-R BT.709 luma.
fn brightness(pixel: &Rgb<f32>) -> f32 {
    let [red, green, blue] = pixel.0;
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Values stretched to 0..1 between those below and above which a fiftieth of them lies.
fn stretched(values: &[f32]) -> Vec<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let cut = sorted.len() / 50;
    let low = sorted.get(cut).copied().unwrap_or(0.0);
    let high = sorted.get(sorted.len().saturating_sub(1 + cut)).copied().unwrap_or(1.0).max(low + LEAST_CONTRAST);
    values.iter().map(|value| ((value - low) / (high - low)).clamp(0.0, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_disc(ground: [u8; 3], disc: [u8; 3]) -> RgbImage {
        RgbImage::from_fn(64, 64, |x, y| {
            let (dx, dy) = (x as f32 - 32.0, y as f32 - 24.0);
            Rgb(if dx * dx + dy * dy < 200.0 { disc } else { ground })
        })
    }

    #[test]
    fn the_subject_stands_out_whether_it_is_brighter_or_darker() {
        for (ground, disc) in [([10; 3], [240; 3]), ([240; 3], [40; 3]), ([90, 90, 200], [200, 90, 90])] {
            let field = HeightField::from_picture(&with_disc(ground, disc), 33, 33);
            // Row 0 is the bottom, the disc is in the upper half.
            assert!(field.at(16, 20) > 0.4, "{disc:?} on {ground:?}");
            assert!(field.at(16, 5) < 0.2, "{disc:?} on {ground:?}");
            assert_eq!(field.at(32, 16), 0.0, "the rim meets the frame");
        }
    }

    #[test]
    fn a_flat_picture_has_no_noise_relief() {
        let field = HeightField::from_picture(&RgbImage::from_pixel(40, 20, Rgb([120, 120, 120])), 16, 8);
        assert!((0..16).all(|column| field.at(column, 4) < 1e-3));
    }
}
