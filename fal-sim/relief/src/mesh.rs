//! A polygon mesh as the writers want it: flat attribute lists, quads and triangles kept apart.
//! FBX keeps the quads (that is what FAL's `quad` option is for), glTF gets them cut in two.

/// Vertices by index, and the faces over them, counter-clockwise seen from outside.
#[derive(Debug, Default)]
pub struct Mesh {
    /// Metres, y up, front towards +z, centred on the origin.
    pub positions: Vec<[f32; 3]>,
    /// Unit vectors, one per position.
    pub normals: Vec<[f32; 3]>,
    /// Texture coordinates, origin at the image's top left (the glTF convention).
    pub uvs: Vec<[f32; 2]>,
    /// Four-cornered faces.
    pub quads: Vec<[u32; 4]>,
    /// Three-cornered faces.
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// Adds one vertex and answers its index.
    pub fn vertex(&mut self, position: [f32; 3], normal: [f32; 3], uv: [f32; 2]) -> u32 {
        let index = u32::try_from(self.positions.len()).unwrap_or(u32::MAX);
        self.positions.push(position);
        self.normals.push(normal);
        self.uvs.push(uv);
        index
    }

    /// Every face as triangles, quads cut along one diagonal.
    pub fn triangle_indices(&self) -> Vec<u32> {
        let mut indices = Vec::with_capacity(self.triangle_count() * 3);
        for &[a, b, c, d] in &self.quads {
            indices.extend_from_slice(&[a, b, c, a, c, d]);
        }
        indices.extend(self.triangles.iter().flatten());
        indices
    }

    /// How many triangles [`Self::triangle_indices`] yields.
    pub fn triangle_count(&self) -> usize {
        self.quads.len() * 2 + self.triangles.len()
    }

    /// Smallest and largest coordinate on each axis; zeros when there is no vertex.
    pub fn bounds(&self) -> ([f32; 3], [f32; 3]) {
        let Some(first) = self.positions.first() else { return ([0.0; 3], [0.0; 3]) };
        self.positions.iter().fold((*first, *first), |(mut low, mut high), position| {
            for ((low, high), &value) in low.iter_mut().zip(high.iter_mut()).zip(position) {
                *low = low.min(value);
                *high = high.max(value);
            }
            (low, high)
        })
    }
}
