//! Makes models: a picture in, a mesh file and a preview out. Pure and CPU-bound; callers run it on a blocking thread.
//!
//! A crate of its own because this is the one part of the simulator that tests wait for, and hence the one worth optimising
//! in a development build.

mod fbx;
mod glb;
mod height;
mod mesh;
mod picture;
mod preview;
mod surface;

use bytes::Bytes;
use image::{RgbImage, imageops};
use surface::Counting;

pub use picture::{FORMATS, MAX_SIDE};
pub use surface::FEWEST_FACES;

/// Longer side of a texture, in pixels.
const TEXTURE: u32 = 1024;
/// Longer side of a detailed texture.
const DETAILED_TEXTURE: u32 = 2048;

/// Why there is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReliefError {
    /// The bytes are not a readable image.
    #[error("the image could not be read")]
    Unreadable,
    /// An image, but in none of [`FORMATS`].
    #[error("the image is in a format that is not taken")]
    UnsupportedFormat,
    /// More pixels than a square of [`MAX_SIDE`] has.
    #[error("the image has too many pixels")]
    TooLarge,
    /// What was made could not be encoded.
    #[error("the {0} could not be written")]
    Writing(&'static str),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most faces.
    pub face_limit: Option<u32>,
    /// With the picture as texture.
    pub textured: bool,
    /// With a larger texture.
    pub detailed: bool,
    /// With roughness as well.
    pub pbr: bool,
    /// As quads, which means FBX.
    pub quad: bool,
}

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
pub fn generate(source: Source, options: &Options) -> Result<Generated, ReliefError> {
    let longest = if options.detailed { DETAILED_TEXTURE } else { TEXTURE };
    let picture = match source {
        Source::Encoded(bytes) => picture::decode(&bytes, longest)?,
        Source::BuiltIn => picture::built_in(),
    };
    let limit = options.face_limit.unwrap_or(surface::DEFAULT_FACES);
    let counting = if options.quad { Counting::Polygons } else { Counting::Triangles };
    let mesh = surface::build(&picture, limit, counting);
    let preview = preview::render(&picture, options.textured)?.into();
    if options.quad {
        let faces = mesh.quads.len() + mesh.triangles.len();
        return Ok(Generated { mesh: fbx::write(&mesh, "relief").into(), extension: "fbx", preview, faces });
    }
    let textures = textures(&picture, options)?;
    let file = glb::write(&mesh, &textures, "relief").into();
    Ok(Generated { mesh: file, extension: "glb", preview, faces: mesh.triangle_count() })
}

fn textures(picture: &RgbImage, options: &Options) -> Result<glb::Textures, ReliefError> {
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
