//! Writes a mesh as glTF 2.0 binary: 12-byte header, JSON chunk, BIN chunk, every view aligned to four bytes.
//! Source: Khronos glTF 2.0 specification, §4 (GLB) and §3.6 (buffers, accessors).

use crate::mesh::Mesh;
use serde_json::{Value, json};

const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const FLOAT: u32 = 5126;

/// The pictures that go into the file, as JPEG.
#[derive(Debug, Default)]
pub struct Textures {
    /// The visible colours.
    pub base_color: Option<Vec<u8>>,
    /// Roughness in green, metalness in blue (a PBR model has one).
    pub metallic_roughness: Option<Vec<u8>>,
}

/// The whole file.
pub fn write(mesh: &Mesh, textures: &Textures, name: &str) -> Vec<u8> {
    let mut bin = Bin::default();
    let primitive = primitive(mesh, &mut bin);
    let mut images = Vec::new();
    let base_color = textures.base_color.as_deref().map(|jpeg| texture(jpeg, &mut bin, &mut images));
    let roughness = textures.metallic_roughness.as_deref().map(|jpeg| texture(jpeg, &mut bin, &mut images));
    let mut document = json!({
        "asset": {"version": "2.0", "generator": concat!("fal-sim ", env!("CARGO_PKG_VERSION"))},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"name": name, "primitives": [primitive]}],
        "materials": [material(base_color.is_some().then_some(0), roughness)],
        "accessors": bin.accessors,
        "bufferViews": bin.views,
        "buffers": [{"byteLength": bin.bytes.len()}],
    });
    if !images.is_empty() {
        let textures: Vec<Value> = (0..images.len()).map(|source| json!({"sampler": 0, "source": source})).collect();
        // Linear filtering with mipmaps, edges clamped: the walls repeat the border pixels.
        let sampler = json!({"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071});
        extend(&mut document, json!({"samplers": [sampler], "images": images, "textures": textures}));
    }
    assemble(&document, &bin.bytes)
}

fn primitive(mesh: &Mesh, bin: &mut Bin) -> Value {
    let (low, high) = mesh.bounds();
    let count = mesh.positions.len();
    let floats = |lists: &mut dyn Iterator<Item = f32>| lists.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
    let positions = floats(&mut mesh.positions.iter().flatten().copied());
    let normals = floats(&mut mesh.normals.iter().flatten().copied());
    let uvs = floats(&mut mesh.uvs.iter().flatten().copied());
    let position = bin.accessor(&positions, ARRAY_BUFFER, FLOAT, count, "VEC3", json!({"min": low, "max": high}));
    let normal = bin.accessor(&normals, ARRAY_BUFFER, FLOAT, count, "VEC3", json!({}));
    let uv = bin.accessor(&uvs, ARRAY_BUFFER, FLOAT, count, "VEC2", json!({}));
    let indices = mesh.triangle_indices();
    // 65535 is the primitive restart value and may not be used as an index.
    let (component, bytes): (u32, Vec<u8>) = if count < 65_535 {
        (UNSIGNED_SHORT, indices.iter().flat_map(|&index| u16::try_from(index).unwrap_or(0).to_le_bytes()).collect())
    } else {
        (UNSIGNED_INT, indices.iter().flat_map(|index| index.to_le_bytes()).collect())
    };
    let index = bin.accessor(&bytes, ELEMENT_ARRAY_BUFFER, component, indices.len(), "SCALAR", json!({}));
    json!({
        "attributes": {"POSITION": position, "NORMAL": normal, "TEXCOORD_0": uv},
        "indices": index,
        "material": 0,
        "mode": 4,
    })
}

fn texture(jpeg: &[u8], bin: &mut Bin, images: &mut Vec<Value>) -> usize {
    let view = bin.view(jpeg, None);
    images.push(json!({"bufferView": view, "mimeType": "image/jpeg"}));
    images.len() - 1
}

fn material(base_color: Option<usize>, metallic_roughness: Option<usize>) -> Value {
    let mut pbr = json!({"metallicFactor": 0.0, "roughnessFactor": 0.85});
    match base_color {
        Some(index) => extend(&mut pbr, json!({"baseColorTexture": {"index": index}})),
        None => extend(&mut pbr, json!({"baseColorFactor": [0.78, 0.78, 0.8, 1.0]})),
    }
    if let Some(index) = metallic_roughness {
        let texture = json!({"index": index});
        extend(&mut pbr, json!({"metallicFactor": 1.0, "roughnessFactor": 1.0, "metallicRoughnessTexture": texture}));
    }
    json!({"name": "surface", "pbrMetallicRoughness": pbr})
}

#[derive(Default)]
struct Bin {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Bin {
    fn view(&mut self, data: &[u8], target: Option<u32>) -> usize {
        let mut view = json!({"buffer": 0, "byteOffset": self.bytes.len(), "byteLength": data.len()});
        if let Some(target) = target {
            extend(&mut view, json!({"target": target}));
        }
        self.bytes.extend_from_slice(data);
        pad(&mut self.bytes, 0);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, data: &[u8], target: u32, component: u32, count: usize, shape: &str, extra: Value) -> usize {
        let view = self.view(data, Some(target));
        let mut accessor = json!({"bufferView": view, "componentType": component, "count": count, "type": shape});
        extend(&mut accessor, extra);
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }
}

/// Adds fields to an object, in place of those of the same names.
fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

fn assemble(document: &Value, bin: &[u8]) -> Vec<u8> {
    let mut json = document.to_string().into_bytes();
    pad(&mut json, b' ');
    let total = 12 + 8 + json.len() + 8 + bin.len();
    let mut file = Vec::with_capacity(total);
    file.extend_from_slice(b"glTF");
    file.extend_from_slice(&2u32.to_le_bytes());
    file.extend_from_slice(&length(total));
    file.extend_from_slice(&length(json.len()));
    file.extend_from_slice(b"JSON");
    file.extend_from_slice(&json);
    file.extend_from_slice(&length(bin.len()));
    file.extend_from_slice(b"BIN\0");
    file.extend_from_slice(bin);
    file
}

/// Meshes here end near 30 MB (see `relief`), far below the format's 4 GiB.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

fn pad(bytes: &mut Vec<u8>, with: u8) {
    bytes.resize(bytes.len().next_multiple_of(4), with);
}
