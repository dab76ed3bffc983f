//! Stores what a model made and lays out the output object of its family.

use super::Request;
use crate::json::set;
use crate::{
    errors::{ModelError, Outcome},
    model::catalogue::Family,
    origin::Service,
    scenario::Scenario,
    sim::Sim,
    storage::Description,
};
use bytes::Bytes;
use fal_sim_relief::{Generated, Options};
use serde_json::{Value, json};
use std::io;

/// Stores the files and answers the successful outcome.
pub async fn store(sim: &Sim, request: &Request, input: &Value, options: &Options, generated: Generated) -> Outcome {
    tracing::debug!(fal_request_id = request.id, faces = generated.faces, "model made");
    match files(sim, request, generated).await {
        Ok((task, mesh, preview)) => {
            let body = layout(request, request.endpoint.seed(input), options, &task, mesh, preview);
            Outcome::success(body, request.endpoint.billable_units(options))
        }
        Err(error) => {
            tracing::error!(fal_request_id = request.id, %error, "output could not be stored");
            ModelError::internal("output could not be stored").outcome()
        }
    }
}

async fn files(sim: &Sim, request: &Request, generated: Generated) -> io::Result<(String, File, File)> {
    let task = uuid::Uuid::new_v4().to_string();
    let mesh_name = format!("tripo_model_{task}.{}", generated.extension);
    let mesh = file(sim, request, &mesh_name, "application/octet-stream", generated.mesh, request.scenario).await?;
    let preview = file(sim, request, "legacy.webp", "image/webp", generated.preview, Scenario::Ok).await?;
    Ok((task, File { extension: generated.extension, ..mesh }, preview))
}

struct File {
    object: Value,
    extension: &'static str,
}

async fn file(
    sim: &Sim,
    request: &Request,
    name: &str,
    content_type: &str,
    bytes: Bytes,
    scenario: Scenario,
) -> io::Result<File> {
    let about = Description { content_type: content_type.into(), lifetime: request.settings.output_lifetime, scenario };
    let stored = sim.storage.put(name, bytes, about).await?;
    let url = format!("{}/{}", request.origin.base(Service::Cdn), stored.path);
    Ok(File { object: json!({"url": url, "content_type": content_type, "file_size": stored.size}), extension: "" })
}

fn layout(request: &Request, seed: i64, options: &Options, task: &str, mesh: File, preview: File) -> Value {
    let urls = json!({mesh.extension: mesh.object});
    let (mut body, mesh_fields): (Value, &[&str]) = match request.endpoint.family {
        Family::Tripo25 => {
            let field: &[&str] = match (options.pbr, options.textured) {
                (true, _) => &["pbr_model"],
                (false, true) => &["model_mesh"],
                (false, false) => &["base_model"],
            };
            (json!({"task_id": task, "rendered_image": preview.object}), field)
        }
        Family::TripoNew => {
            (json!({"task_id": task, "rendered_image": preview.object, "model_urls": urls}), &["model_mesh"])
        }
        Family::ModelMesh => (json!({"seed": seed, "timings": {}, "textures": []}), &["model_mesh"]),
        Family::ModelGlb => (json!({"seed": seed, "model_urls": urls, "thumbnail": preview.object}), &["model_glb"]),
    };
    if request.scenario == Scenario::MissingMesh {
        if let Some(fields) = body.as_object_mut() {
            fields.remove("model_urls");
        }
        return body;
    }
    for field in mesh_fields {
        set(&mut body, field, mesh.object.clone());
    }
    body
}
