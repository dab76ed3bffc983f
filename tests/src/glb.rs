//! Is this a whole glTF-binary model with triangles in it? Read by the glTF 2.0 specification, section 4 (GLB).

use anyhow::{Context, ensure};
use serde_json::Value;

/// What a model holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    /// Triangles over all meshes.
    pub triangles: u64,
    /// Textures.
    pub textures: usize,
}

/// Reads a model.
///
/// # Errors
/// When it is not whole.
pub fn inspect(bytes: &[u8]) -> anyhow::Result<Facts> {
    let word = |at: usize| -> anyhow::Result<u32> {
        let slice = bytes.get(at..at + 4).context("the file ends early")?;
        Ok(u32::from_le_bytes(slice.try_into()?))
    };
    ensure!(bytes.get(..4) == Some(b"glTF"), "no glTF magic");
    ensure!(word(4)? == 2, "not version 2");
    ensure!(usize::try_from(word(8)?)? == bytes.len(), "the declared length is not the file's");
    let json_length = usize::try_from(word(12)?)?;
    ensure!(word(16)? == 0x4e4f_534a, "the first chunk is not JSON");
    let json: Value = serde_json::from_slice(bytes.get(20..20 + json_length).context("the JSON chunk ends early")?)?;
    let binary = 20 + json_length;
    ensure!(word(binary + 4)? == 0x004e_4942, "the second chunk is not BIN");
    ensure!(binary + 8 + usize::try_from(word(binary)?)? == bytes.len(), "the BIN chunk does not fill the file");
    let mut triangles = 0;
    for mesh in list(&json, "meshes") {
        for primitive in list(mesh, "primitives") {
            let accessor = primitive.get("indices").and_then(Value::as_u64).context("a primitive without indices")?;
            let accessor =
                list(&json, "accessors").get(usize::try_from(accessor)?).context("an accessor is missing")?;
            triangles += accessor.get("count").and_then(Value::as_u64).context("an accessor without a count")? / 3;
        }
    }
    Ok(Facts { triangles, textures: list(&json, "textures").len() })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
