//! Makes models: a picture in, a mesh file and a preview out. Pure and CPU-bound; callers run it on a blocking thread.

pub mod catalogue;
mod fbx;
mod glb;
mod height;
mod mesh;
pub mod picture;
mod preview;
pub mod relief;
pub mod schema;

use crate::errors::ModelError;
use bytes::Bytes;
use catalogue::Options;
use image::{RgbImage, imageops};
use relief::Counting;

/// Longer side of a texture, in pixels.
const TEXTURE: u32 = 1024;
/// Longer side of a detailed texture.
const DETAILED_TEXTURE: u32 = 2048;

/// What came out.
#[derive(Debug)]
pub struct Generated {
    /// The mesh: GLB, or FBX when quads were asked for.
    pub mesh: Bytes,
    /// Its file extension.
    pub extension: &'static str,
    /// The preview, WebP.
    pub preview: Bytes,
    /// Faces of the mesh.
    pub faces: usize,
}

/// Where the picture comes from.
pub enum Source {
    /// An encoded image.
    Encoded(Vec<u8>),
    /// The drawing that stands in for images that cannot be fetched.
    BuiltIn,
}

/// Makes the model of a picture.
pub fn generate(source: Source, options: &Options) -> Result<Generated, ModelError> {
    let longest = if options.detailed { DETAILED_TEXTURE } else { TEXTURE };
    let picture = match source {
        Source::Encoded(bytes) => picture::decode(&bytes, longest)?,
        Source::BuiltIn => picture::built_in(),
    };
    let limit = options.face_limit.unwrap_or(relief::DEFAULT_FACES);
    let counting = if options.quad { Counting::Polygons } else { Counting::Triangles };
    let mesh = relief::build(&picture, limit, counting);
    let preview = preview::render(&picture, options.textured)?.into();
    if options.quad {
        let faces = mesh.quads.len() + mesh.triangles.len();
        return Ok(Generated { mesh: fbx::write(&mesh, "relief").into(), extension: "fbx", preview, faces });
    }
    let textures = textures(&picture, options)?;
    let file = glb::write(&mesh, &textures, "relief").into();
    Ok(Generated { mesh: file, extension: "glb", preview, faces: mesh.triangle_count() })
}

fn textures(picture: &RgbImage, options: &Options) -> Result<glb::Textures, ModelError> {
    if !options.textured {
        return Ok(glb::Textures::default());
    }
    let base_color = picture::jpeg(picture, if options.detailed { 92 } else { 85 })?;
    let metallic_roughness = if options.pbr { Some(picture::jpeg(&roughness(picture), 85)?) } else { None };
    Ok(glb::Textures { base_color: Some(base_color), metallic_roughness })
}

/// Bright places are smoother; nothing is metal.
fn roughness(picture: &RgbImage) -> RgbImage {
    let scale = |side: u32| (side / 2).max(1);
    let small = imageops::thumbnail(picture, scale(picture.width()), scale(picture.height()));
    let grey = imageops::grayscale(&small);
    RgbImage::from_fn(grey.width(), grey.height(), |x, y| {
        let brightness = grey.get_pixel(x, y).0[0];
        image::Rgb([255, 235 - brightness / 2, 0])
    })
}
