//! A closed plaque whose front is the picture as relief: front grid, four walls, flat back.
//! Bounded by the face limit: the grid is the finest one whose faces, walls and back included, stay within it.

use super::{height::HeightField, mesh::Mesh};
use image::RgbImage;

/// Faces a caller gets who names no limit.
pub const DEFAULT_FACES: u32 = 30_000;
/// The coarsest closed plaque: a 2 × 2 grid, four walls, a back of four triangles.
pub const FEWEST_FACES: u32 = 14;

/// Longest grid edge, whatever the limit says; keeps a mesh under about 20 MB.
const LONGEST_EDGE: usize = 512;
/// How far the highest point stands out, in units of the longer side.
const DEPTH: f32 = 0.22;
/// Thickness of the frame under the relief.
const THICKNESS: f32 = 0.06;

/// How a face is counted against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Triangles, as in a GLB.
    Triangles,
    /// Polygons, as in a quad FBX.
    Polygons,
}

/// Builds the plaque for `picture` with at most `limit` faces (never fewer than [`FEWEST_FACES`] are used).
pub fn build(picture: &RgbImage, limit: u32, counting: Counting) -> Mesh {
    let (columns, rows) = grid(picture.width(), picture.height(), limit, counting);
    let field = HeightField::from_picture(picture, columns, rows);
    let plaque = Plaque::new(&field, picture);
    let mut mesh = Mesh::default();
    plaque.front(&mut mesh);
    plaque.walls(&mut mesh);
    plaque.back(&mut mesh);
    mesh
}

/// The finest grid of the picture's proportions within the limit.
fn grid(width: u32, height: u32, limit: u32, counting: Counting) -> (usize, usize) {
    let sized = |edge: usize| {
        let shorter = |a: u32, b: u32| ((edge as f64 * f64::from(a) / f64::from(b.max(1))).round() as usize).max(2);
        if width >= height { (edge, shorter(height, width)) } else { (shorter(width, height), edge) }
    };
    let fits = |edge: usize| {
        let (columns, rows) = sized(edge);
        faces(columns, rows, counting) <= limit as usize
    };
    let (mut low, mut high) = (2, LONGEST_EDGE);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    sized(low)
}

fn faces(columns: usize, rows: usize, counting: Counting) -> usize {
    let cells = (columns - 1) * (rows - 1);
    let rim = 2 * (columns - 1) + 2 * (rows - 1);
    match counting {
        Counting::Triangles => 2 * cells + 2 * rim + rim,
        Counting::Polygons => cells + rim + rim,
    }
}

/// An outward normal and the grid points along one side.
type Edge = ([f32; 3], Vec<(usize, usize)>);

struct Plaque<'a> {
    field: &'a HeightField,
    half: [f32; 2],
}

impl<'a> Plaque<'a> {
    /// The longer side of the picture becomes one unit.
    fn new(field: &'a HeightField, picture: &RgbImage) -> Self {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let longer = width.max(height).max(1.0);
        Self { field, half: [width / longer / 2.0, height / longer / 2.0] }
    }

    fn share(&self, column: usize, row: usize) -> [f32; 2] {
        [column as f32 / (self.field.width - 1) as f32, row as f32 / (self.field.height - 1) as f32]
    }

    fn uv(&self, column: usize, row: usize) -> [f32; 2] {
        let [u, v] = self.share(column, row);
        [u, 1.0 - v]
    }

    fn at(&self, column: usize, row: usize, z: f32) -> [f32; 3] {
        let [u, v] = self.share(column, row);
        [(2.0 * u - 1.0) * self.half[0], (2.0 * v - 1.0) * self.half[1], z]
    }

    fn surface(&self, column: usize, row: usize) -> [f32; 3] {
        self.at(column, row, self.field.at(column, row) * DEPTH)
    }

    fn front(&self, mesh: &mut Mesh) {
        let (columns, rows) = (self.field.width, self.field.height);
        let step = [2.0 * self.half[0] / (columns - 1) as f32, 2.0 * self.half[1] / (rows - 1) as f32];
        for row in 0..rows {
            for column in 0..columns {
                let (dx, dy) = self.field.slope(column, row);
                let normal = unit([-dx * DEPTH / step[0], -dy * DEPTH / step[1], 1.0]);
                mesh.vertex(self.surface(column, row), normal, self.uv(column, row));
            }
        }
        let index = |column: usize, row: usize| u32::try_from(row * columns + column).unwrap_or(u32::MAX);
        for row in 0..rows - 1 {
            for column in 0..columns - 1 {
                mesh.quads.push([
                    index(column, row),
                    index(column + 1, row),
                    index(column + 1, row + 1),
                    index(column, row + 1),
                ]);
            }
        }
    }

    /// Each wall has vertices of its own, so that its edge stays sharp.
    fn walls(&self, mesh: &mut Mesh) {
        for (outward, edge) in self.edges() {
            let mut previous: Option<(u32, u32)> = None;
            for (column, row) in edge {
                let uv = self.uv(column, row);
                let back = mesh.vertex(self.at(column, row, -THICKNESS), outward, uv);
                let front = mesh.vertex(self.surface(column, row), outward, uv);
                if let Some((last_back, last_front)) = previous {
                    mesh.quads.push([last_back, back, front, last_front]);
                }
                previous = Some((back, front));
            }
        }
    }

    /// A fan over the same rim as the walls, so that the solid has no cracks.
    fn back(&self, mesh: &mut Mesh) {
        let behind = [0.0, 0.0, -1.0];
        let centre = mesh.vertex([0.0, 0.0, -THICKNESS], behind, [0.5, 0.5]);
        let mut rim: Vec<u32> = Vec::new();
        for (_, edge) in self.edges() {
            // An edge's last corner is the next edge's first.
            let corners = edge.len().saturating_sub(1);
            for (column, row) in edge.into_iter().take(corners) {
                rim.push(mesh.vertex(self.at(column, row, -THICKNESS), behind, self.uv(column, row)));
            }
        }
        let next = rim.iter().cycle().skip(1);
        for (&here, &after) in rim.iter().zip(next) {
            mesh.triangles.push([centre, after, here]);
        }
    }

    /// The four sides counter-clockwise seen from the front, with their outward normals.
    fn edges(&self) -> [Edge; 4] {
        let (right, top) = (self.field.width - 1, self.field.height - 1);
        [
            ([0.0, -1.0, 0.0], (0..=right).map(|column| (column, 0)).collect()),
            ([1.0, 0.0, 0.0], (0..=top).map(|row| (right, row)).collect()),
            ([0.0, 1.0, 0.0], (0..=right).rev().map(|column| (column, top)).collect()),
            ([-1.0, 0.0, 0.0], (0..=top).rev().map(|row| (0, row)).collect()),
        ]
    }
}

fn unit([x, y, z]: [f32; 3]) -> [f32; 3] {
    let length = (x * x + y * y + z * z).sqrt().max(f32::EPSILON);
    [x / length, y / length, z / length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 90]))
    }

    #[test]
    fn faces_stay_within_the_limit_and_use_most_of_it() {
        for limit in [FEWEST_FACES, 48, 1_000, 30_000, 200_000] {
            let count = build(&picture(640, 480), limit, Counting::Triangles).triangle_count();
            assert!(count <= limit as usize, "{count} faces for a limit of {limit}");
            assert!(limit < 1_000 || count * 10 >= limit as usize * 9, "{count} of {limit} used");
        }
        let mesh = build(&picture(640, 480), 10_000, Counting::Polygons);
        assert!(mesh.quads.len() + mesh.triangles.len() <= 10_000);
    }

    #[test]
    fn proportions_are_kept_at_one_unit() {
        for (width, height, expected) in [(400, 200, [1.0, 0.5]), (100, 300, [1.0 / 3.0, 1.0]), (3000, 3, [1.0, 0.001])]
        {
            let (low, high) = build(&picture(width, height), 2_000, Counting::Triangles).bounds();
            for axis in 0..2 {
                assert!((high[axis] - low[axis] - expected[axis]).abs() < 1e-4, "{width}x{height} axis {axis}");
            }
        }
    }

    /// In a closed surface every edge is walked once in each direction; corners at one place count as one.
    #[test]
    fn the_solid_is_closed_and_faces_outwards() {
        let mesh = build(&picture(64, 48), 1_000, Counting::Triangles);
        let place = |index: u32| mesh.positions[index as usize].map(|value| (value * 1e5).round() as i64);
        let mut edges: HashMap<_, i64> = HashMap::new();
        let mut volume = 0.0;
        for corners in mesh.triangle_indices().chunks(3) {
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                let (from, to) = (place(corners[from]), place(corners[to]));
                *edges.entry((from.min(to), from.max(to))).or_default() += if from < to { 1 } else { -1 };
            }
            let [a, b, c] = [0, 1, 2].map(|corner| mesh.positions[corners[corner] as usize].map(f64::from));
            volume += a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
                + a[2] * (b[0] * c[1] - b[1] * c[0]);
        }
        assert!(edges.values().all(|balance| *balance == 0), "open edge");
        assert!(volume > 0.0, "faces look inwards");
    }
}
