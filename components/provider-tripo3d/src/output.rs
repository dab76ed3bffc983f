//! FAL's answer, read. Every file in it is optional; the names of its fields, not their content types, tell what they
//! are (meshes come as `application/octet-stream`).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::{FORMATS, Refusal, options};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The model to hand to the client.
    Model,
    /// A picture of it.
    Preview,
    /// Anything else that came along.
    Extra,
}

/// One file that FAL's answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is for.
    pub role: Role,
    /// Where FAL keeps it.
    pub url: String,
    /// Extension without the dot, `glb`.
    pub format: String,
    /// As FAL says.
    pub content_type: Option<String>,
    /// As FAL says.
    pub file_name: Option<String>,
    /// Bytes, as FAL says.
    pub size: Option<u64>,
}

/// The files named by FAL's output (a JSON object): the model first, then its picture, then the rest.
///
/// # Errors
/// [`Refusal::NoModel`] when no mesh is among them, [`Refusal::UnreadableOutput`] when it is not an object.
pub fn result(options: &str, output: &str) -> Result<Vec<File>, Refusal> {
    let output: Map<String, Value> =
        serde_json::from_str(output).map_err(|_| Refusal::UnreadableOutput("it is not a JSON object".into()))?;
    let meshes: &[&str] = if options::wants_pbr(options) {
        &["pbr_model", "model_mesh", "base_model"]
    } else {
        // A PBR mesh nobody asked for is still better than none.
        &["model_mesh", "base_model", "pbr_model"]
    };
    let mut files = Vec::new();
    for name in meshes {
        let role = if files.is_empty() { Role::Model } else { Role::Extra };
        files.extend(file(&output, name, role, FORMATS.first().copied().unwrap_or_default()));
    }
    if files.is_empty() {
        return Err(Refusal::NoModel);
    }
    let preview = file(&output, "rendered_image", Role::Preview, "webp");
    files.splice(1..1, preview);
    Ok(files)
}

/// Reads one of FAL's `File` objects; only `url` is always there.
fn file(output: &Map<String, Value>, field: &str, role: Role, usual_format: &str) -> Option<File> {
    let file = output.get(field)?;
    let text = |name: &str| file.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let url = text("url").filter(|url| url.starts_with("https://") || url.starts_with("http://"))?;
    let file_name = text("file_name");
    let format =
        file_name.and_then(extension).or_else(|| extension(path(url))).unwrap_or_else(|| usual_format.to_string());
    Some(File {
        role,
        url: url.to_string(),
        format,
        content_type: text("content_type").map(ToString::to_string),
        file_name: file_name.map(ToString::to_string),
        size: file.get("file_size").and_then(Value::as_u64),
    })
}

/// A URL without its query and fragment.
fn path(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// The extension of a file name or path, in lower case, when it looks like one.
fn extension(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit('/').next()?.rsplit_once('.')?;
    let plain = (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| extension.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published() -> Value {
        json!({
            "task_id": "812c3a8a-6eb3-4c09-9f40-0563d27ae7ea",
            "model_mesh": {
                "url": "https://v3.fal.media/files/zebra/NA4WkhbpI-XdOIFc4cDIk_tripo_model_812c3a8a.glb",
                "content_type": "application/octet-stream", "file_size": 6_744_644,
            },
            "rendered_image": {
                "url": "https://v3.fal.media/files/panda/zDTAHqp8ifMOT3upZ1xJv_legacy.webp",
                "content_type": "image/webp", "file_size": 13_718,
            },
        })
    }

    fn read(options: &str, output: &Value) -> Vec<File> {
        result(options, &output.to_string()).unwrap()
    }

    #[test]
    fn reads_the_example_that_fal_publishes() {
        let files = read("{}", &published());
        assert_eq!(files.len(), 2);
        assert_eq!((files[0].role, files[0].format.as_str(), files[0].size), (Role::Model, "glb", Some(6_744_644)));
        assert_eq!(files[0].content_type.as_deref(), Some("application/octet-stream"));
        assert_eq!((files[1].role, files[1].format.as_str()), (Role::Preview, "webp"));
    }

    #[test]
    fn the_mesh_that_was_asked_for_comes_first() {
        let file = |name: &str| json!({ "url": format!("https://fal.media/{name}") });
        let all = json!({ "base_model": file("base.glb"), "model_mesh": file("mesh.glb"), "pbr_model": file("pbr.glb"),
            "rendered_image": file("picture.png") });
        let urls = |options: &str| {
            read(options, &all)
                .iter()
                .map(|f| (f.role, f.url.rsplit('/').next().unwrap().to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(urls(r#"{"pbr":true}"#)[0], (Role::Model, "pbr.glb".into()));
        assert_eq!(urls(r#"{"pbr":true}"#)[1], (Role::Preview, "picture.png".into()));
        assert_eq!(urls("{}")[0], (Role::Model, "mesh.glb".into()));
        assert_eq!(urls("{}")[2], (Role::Extra, "base.glb".into()));
        let only_base = json!({ "base_model": file("base.glb"), "model_mesh": null });
        assert_eq!(read(r#"{"pbr":true}"#, &only_base)[0].url, "https://fal.media/base.glb");
    }

    #[test]
    fn formats_come_from_names_then_urls_then_habit() {
        let format = |mesh: Value| read("{}", &json!({ "model_mesh": mesh }))[0].format.clone();
        assert_eq!(format(json!({ "url": "https://fal.media/a.bin", "file_name": "Chair.FBX" })), "fbx");
        assert_eq!(format(json!({ "url": "https://fal.media/files/v1.2/a.glb?x=y.png" })), "glb");
        assert_eq!(format(json!({ "url": "https://fal.media/files/v1.2/a" })), "glb");
    }

    #[test]
    fn an_answer_without_a_mesh_is_a_failure() {
        for output in [
            json!({}),
            json!({ "model_mesh": {} }),
            json!({ "model_mesh": { "url": "" } }),
            json!({ "model_mesh": { "url": "file:///etc/passwd" } }),
            json!({ "rendered_image": { "url": "https://x/y.png" } }),
        ] {
            assert_eq!(result("{}", &output.to_string()), Err(Refusal::NoModel), "{output}");
        }
        for text in ["", "<html>502", "[]", "null"] {
            assert_eq!(result("{}", text).unwrap_err().code(), "UNREADABLE_OUTPUT", "{text}");
        }
    }
}
