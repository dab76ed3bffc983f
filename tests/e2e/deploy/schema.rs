//! The shapes of Kubernetes' own kinds, and of those of Spin's operator and of KEDA.

use serde_json::{Value, json};

/// Says what is wrong with a document of one of the known kinds.
pub fn validate(document: &Value) -> Result<(), String> {
    let kind = document["kind"].as_str().unwrap_or_default();
    let sources = [include_str!("kubernetes.schema.json"), include_str!("operators.schema.json")];
    let schemas = sources.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let Some(schema) = schemas.iter().find(|schema| schema["kinds"][kind].is_string()) else {
        return Err(format!("{kind} is of no known kind"));
    };
    let name = schema["kinds"][kind].as_str().unwrap_or_default();
    let schema = json!({ "$ref": format!("#/$defs/{name}"), "$defs": schema["$defs"] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let found: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

#[test]
fn a_wrong_document_is_refused() {
    let mut service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 1 }] } });
    assert_eq!(validate(&service), Ok(()));
    service["spec"]["ports"][0]["target"] = json!(2);
    assert!(validate(&service).unwrap_err().contains("target"));
    let app = json!({ "apiVersion": "core.spinkube.dev/v1alpha1", "kind": "SpinApp", "metadata": { "name": "a" }, "spec": { "executor": "e" } });
    assert!(validate(&app).unwrap_err().contains("image"));
    assert!(validate(&json!({ "kind": "Surprise" })).is_err());
}
