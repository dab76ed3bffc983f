//! Reads a GLB strictly: header, chunks, views, accessors, bounds, indices, embedded image. Refuses what glTF 2.0 does.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What a checked file holds.
pub struct Checked {
    pub document: Value,
    pub triangles: usize,
    pub low: [f32; 3],
    pub high: [f32; 3],
    /// Width and height of each embedded image.
    pub images: Vec<(u32, u32)>,
}

pub fn check(file: &[u8]) -> Result<Checked> {
    let (document, bin) = chunks(file)?;
    let document: Value = serde_json::from_slice(document).context("the JSON chunk is not JSON")?;
    ensure!(document["asset"]["version"] == "2.0", "not glTF 2.0");
    let declared = number(&document["buffers"][0]["byteLength"])?;
    ensure!(declared <= bin.len() && bin.len() - declared < 4, "buffer length {declared}, chunk {}", bin.len());
    let reader = Reader { document: &document, bin };
    let primitive = &document["meshes"][0]["primitives"][0];
    let positions = reader.floats(&primitive["attributes"]["POSITION"], "VEC3")?;
    let normals = reader.floats(&primitive["attributes"]["NORMAL"], "VEC3")?;
    let uvs = reader.floats(&primitive["attributes"]["TEXCOORD_0"], "VEC2")?;
    let count = positions.len() / 3;
    ensure!(normals.len() == count * 3 && uvs.len() == count * 2, "attributes differ in count");
    for normal in normals.chunks(3) {
        let length = normal.iter().map(|value| value * value).sum::<f32>();
        ensure!((length - 1.0).abs() < 1e-3, "a normal has length² {length}");
    }
    ensure!(uvs.iter().all(|value| (0.0..=1.0).contains(value)), "a texture coordinate is outside the image");
    let indices = reader.indices(&primitive["indices"])?;
    ensure!(indices.len() % 3 == 0, "indices are no triangles");
    ensure!(indices.iter().all(|index| *index < count), "an index points past the vertices");
    let (low, high) = bounds(&positions);
    let accessor = reader.accessor(&primitive["attributes"]["POSITION"])?;
    ensure!(same(&accessor["min"], low)? && same(&accessor["max"], high)?, "min/max are not the positions' bounds");
    let images = reader.images()?;
    Ok(Checked { triangles: indices.len() / 3, low, high, images, document })
}

fn chunks(file: &[u8]) -> Result<(&[u8], &[u8])> {
    ensure!(file.get(..4) == Some(b"glTF"), "magic");
    ensure!(word(file, 4)? == 2, "container version");
    ensure!(word(file, 8)? == file.len(), "header says {}, file has {}", word(file, 8)?, file.len());
    let json = word(file, 12)?;
    ensure!(file.get(16..20) == Some(b"JSON") && json % 4 == 0, "first chunk");
    let bin = word(file, 20 + json)?;
    ensure!(file.get(24 + json..28 + json) == Some(b"BIN\0") && bin % 4 == 0, "second chunk");
    ensure!(28 + json + bin == file.len(), "chunks do not fill the file");
    Ok((file.get(20..20 + json).context("JSON")?, file.get(28 + json..).context("BIN")?))
}

struct Reader<'a> {
    document: &'a Value,
    bin: &'a [u8],
}

impl<'a> Reader<'a> {
    fn accessor(&self, index: &Value) -> Result<&'a Value> {
        self.document["accessors"].get(number(index)?).context("no such accessor")
    }

    fn view(&self, index: &Value) -> Result<&'a [u8]> {
        let view = self.document["bufferViews"].get(number(index)?).context("no such view")?;
        let (offset, length) = (number(&view["byteOffset"])?, number(&view["byteLength"])?);
        ensure!(offset % 4 == 0, "a view is not aligned");
        self.bin.get(offset..offset + length).context("a view overruns the buffer")
    }

    fn floats(&self, index: &Value, shape: &str) -> Result<Vec<f32>> {
        let accessor = self.accessor(index)?;
        ensure!(accessor["componentType"] == 5126 && accessor["type"] == shape, "accessor type {accessor}");
        let bytes = self.view(&accessor["bufferView"])?;
        let parts = if shape == "VEC3" { 3 } else { 2 };
        ensure!(bytes.len() == number(&accessor["count"])? * parts * 4, "accessor and view differ in size");
        let values: Vec<f32> =
            bytes.chunks(4).filter_map(|four| Some(f32::from_le_bytes(four.try_into().ok()?))).collect();
        ensure!(values.iter().all(|value| value.is_finite()), "a value is not finite");
        Ok(values)
    }

    fn indices(&self, index: &Value) -> Result<Vec<usize>> {
        let accessor = self.accessor(index)?;
        let bytes = self.view(&accessor["bufferView"])?;
        let size = if accessor["componentType"] == 5123 { 2 } else { 4 };
        ensure!(bytes.len() == number(&accessor["count"])? * size, "index accessor and view differ in size");
        let read = |part: &[u8]| part.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte));
        Ok(bytes.chunks(size).map(read).collect())
    }

    fn images(&self) -> Result<Vec<(u32, u32)>> {
        let images = self.document["images"].as_array().cloned().unwrap_or_default();
        let size = |image: &Value| {
            let picture = image::load_from_memory(self.view(&image["bufferView"])?)?;
            Ok((picture.width(), picture.height()))
        };
        images.iter().map(size).collect()
    }
}

fn bounds(positions: &[f32]) -> ([f32; 3], [f32; 3]) {
    let (mut low, mut high) = ([f32::MAX; 3], [f32::MIN; 3]);
    for corner in positions.chunks(3) {
        for (axis, value) in corner.iter().enumerate() {
            low[axis] = low[axis].min(*value);
            high[axis] = high[axis].max(*value);
        }
    }
    (low, high)
}

fn same(stated: &Value, actual: [f32; 3]) -> Result<bool> {
    let stated: [f64; 3] = serde_json::from_value(stated.clone())?;
    Ok(stated.iter().zip(actual).all(|(stated, actual)| (stated - f64::from(actual)).abs() < 1e-6))
}

fn number(value: &Value) -> Result<usize> {
    Ok(usize::try_from(value.as_u64().with_context(|| format!("{value} is no count"))?)?)
}

fn word(file: &[u8], at: usize) -> Result<usize> {
    let bytes = file.get(at..at + 4).context("the file is too short")?;
    Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
}
