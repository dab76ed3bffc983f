//! Photographs for the tests: a still life, traced, so that what is uploaded is a picture and not noise.
//!
//! A vase and two spheres on a table under one lamp. The same seed gives the same picture; another gives other colours.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage, imageops};

type Vec3 = [f32; 3];

/// A JPEG of the still life.
///
/// # Errors
/// When it cannot be encoded.
pub fn jpeg(width: u32, height: u32, seed: u32) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&still_life(width, height, seed))?;
    Ok(bytes)
}

/// A PNG of the still life.
///
/// # Errors
/// When it cannot be encoded.
pub fn png(width: u32, height: u32, seed: u32) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    still_life(width, height, seed).write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// A valid JPEG of about this many bytes: the still life with an application segment of padding, as a camera's preview
/// or its raw data make files large.
///
/// # Errors
/// When it cannot be encoded.
pub fn heavy_jpeg(bytes: usize, seed: u32) -> anyhow::Result<Vec<u8>> {
    const LARGEST: usize = 65_533;
    let picture = jpeg(320, 240, seed)?;
    let mut file = picture.get(..2).unwrap_or_default().to_vec();
    while file.len() + picture.len() < bytes {
        let room = (bytes - file.len() - picture.len()).clamp(8, LARGEST);
        file.extend_from_slice(&[0xff, 0xef]);
        file.extend_from_slice(&u16::try_from(room)?.to_be_bytes());
        file.extend(std::iter::repeat_n(0x5a, room - 2));
    }
    file.extend_from_slice(picture.get(2..).unwrap_or_default());
    Ok(file)
}

/// Traces the scene, at most 1.2 megapixels of it; larger pictures are enlarged from that.
fn still_life(width: u32, height: u32, seed: u32) -> RgbImage {
    let scale = (f64::from(width) * f64::from(height) / 1.2e6).sqrt().max(1.0);
    let (w, h) = ((f64::from(width) / scale) as u32, (f64::from(height) / scale) as u32);
    let (w, h) = (w.max(1), h.max(1));
    let traced = RgbImage::from_fn(w, h, |x, y| {
        let aspect = w as f32 / h as f32;
        let u = (x as f32 / w as f32 - 0.5) * aspect;
        let v = 0.5 - y as f32 / h as f32;
        Rgb(shade(normalize([u, v - 0.12, 1.35]), seed).map(|c| (c.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0) as u8))
    });
    if (w, h) == (width, height) {
        traced
    } else {
        imageops::resize(&traced, width, height, imageops::FilterType::CatmullRom)
    }
}

const EYE: Vec3 = [0.0, 1.35, -4.2];
const LAMP: Vec3 = [-0.55, 0.75, -0.36];

fn shade(ray: Vec3, seed: u32) -> Vec3 {
    let Some((point, material)) = march(EYE, ray, 12.0) else {
        let height = ray[1] * 0.5 + 0.5;
        return [0.42 + 0.2 * height, 0.40 + 0.2 * height, 0.38 + 0.24 * height];
    };
    let normal = normal_at(point);
    let start = add(point, scale(normal, 0.01));
    let lit = if march(start, normalize(LAMP), 5.0).is_some() { 0.12 } else { 1.0 };
    let diffuse = dot(normal, normalize(LAMP)).max(0.0) * lit;
    let half = normalize(add(normalize(LAMP), scale(ray, -1.0)));
    let glossy = dot(normal, half).max(0.0).powi(48) * lit * if material == 0 { 0.05 } else { 0.5 };
    let ambient = 0.22 + 0.12 * normal[1];
    colour(material, point, seed).map(|c| c * (ambient + 0.95 * diffuse) + glossy)
}

fn colour(material: u8, point: Vec3, seed: u32) -> Vec3 {
    let turn = |phase: f32| 0.5 + 0.5 * (seed as f32 * 1.7 + phase).sin();
    match material {
        0 => {
            let plank = (point[0] * 1.6).floor() as i32 & 1;
            let grain = 0.03 * (point[2] * 38.0 + (point[0] * 9.0).sin() * 3.0).sin();
            [0.40 + grain, 0.25 + grain, 0.13 + grain].map(|c| c - 0.03 * plank as f32)
        }
        1 => {
            let band = ((point[1] * 14.0).sin() > 0.55) as u8 as f32;
            [0.16 + 0.5 * turn(0.0) * band, 0.30 + 0.25 * turn(2.0), 0.48 + 0.3 * band]
        }
        2 => [0.78, 0.20 + 0.3 * turn(4.0), 0.12],
        _ => [0.30 + 0.4 * turn(1.0), 0.52, 0.16],
    }
}

/// Distance to the nearest surface, and which it is: table, vase, two spheres.
fn distance(p: Vec3) -> (f32, u8) {
    let profile = 0.36 + 0.17 * (p[1] * 2.6 + 0.4).sin();
    let radial = (p[0] * p[0] + p[2] * p[2]).sqrt();
    let vase = ((radial - profile).abs() - 0.03).max(p[1] - 1.75).max(-p[1]) * 0.6;
    let sphere = |c: Vec3, r: f32| length(add(p, scale(c, -1.0))) - r;
    let surfaces =
        [(p[1], 0), (vase, 1), (sphere([0.98, 0.36, -0.35], 0.36), 2), (sphere([-0.92, 0.27, -0.62], 0.27), 3)];
    surfaces.into_iter().fold((f32::MAX, 0), |nearest, s| if s.0 < nearest.0 { s } else { nearest })
}

fn march(from: Vec3, direction: Vec3, limit: f32) -> Option<(Vec3, u8)> {
    let mut travelled = 0.0;
    for _ in 0..96 {
        let point = add(from, scale(direction, travelled));
        let (gap, material) = distance(point);
        if gap < 0.0015 {
            return Some((point, material));
        }
        travelled += gap;
        if travelled > limit {
            return None;
        }
    }
    None
}

fn normal_at(p: Vec3) -> Vec3 {
    let slope = |axis: Vec3| distance(add(p, axis)).0 - distance(add(p, scale(axis, -1.0))).0;
    normalize([slope([0.002, 0.0, 0.0]), slope([0.0, 0.002, 0.0]), slope([0.0, 0.0, 0.002])])
}

fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn scale(a: Vec3, k: f32) -> Vec3 {
    a.map(|c| c * k)
}

fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn length(a: Vec3) -> f32 {
    dot(a, a).sqrt()
}

fn normalize(a: Vec3) -> Vec3 {
    scale(a, 1.0 / length(a).max(1e-9))
}
