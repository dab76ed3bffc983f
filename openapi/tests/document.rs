//! The document is whole: what it refers to is there, what is there is used, and its examples are what its schemas say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

fn document() -> Value {
    image2model_openapi::document(image2model_openapi::sources()).unwrap()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            if let Some(mapping) = fields.get("discriminator").and_then(|d| d["mapping"].as_object()) {
                found.extend(mapping.values().filter_map(|to| to.as_str().map(str::to_owned)));
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for kind in ["schemas", "responses", "parameters", "headers", "examples", "links"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(found.contains(&format!("#/components/{kind}/{name}")), "{kind}/{name} is used nowhere");
        }
    }
}

/// In YAML's `{ a: b, c }` a comma within a text ends it; what follows then looks like a field without a value.
#[test]
fn no_text_was_cut_at_a_comma() {
    fn search(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if field.is_null() {
                        found.push(format!("{at}/{name}"));
                    }
                    // Answers may hold nulls.
                    if name != "example" {
                        search(field, &format!("{at}/{name}"), found);
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| search(value, at, found)),
            _ => {}
        }
    }
    let mut document = document();
    document["components"]["examples"] = json!({});
    let mut found = Vec::new();
    search(&document, "", &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn operations_have_names_of_their_own_and_links_name_operations() {
    let document = document();
    let operations = || {
        let items = document["paths"].as_object().unwrap().values();
        items.flat_map(|item| item.as_object().unwrap().values().filter(|value| value.get("operationId").is_some()))
    };
    let mut names = BTreeSet::new();
    for operation in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{name} has no summary or no tag");
    }
    let declared: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().filter_map(|tag| tag["name"].as_str()).collect();
    for operation in operations() {
        let tags = operation["tags"].as_array().unwrap();
        assert!(tags.iter().all(|tag| declared.contains(tag.as_str().unwrap())), "{tags:?}");
        let responses = operation["responses"].as_object().unwrap().values();
        for link in responses.filter_map(|response| response["links"].as_object()).flat_map(|links| links.values()) {
            let link = link["$ref"].as_str().map_or(link, |to| document.pointer(&to[1..]).unwrap());
            assert!(names.contains(link["operationId"].as_str().unwrap()), "{link}");
        }
    }
}

/// Every content of every answer and request body with its examples.
fn contents(document: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    let named = document["components"]["responses"].as_object().unwrap();
    let mut take = |name: &str, holder: &'_ Value| {
        let holder: &Value = document.pointer(&pointer_to(document, holder)).unwrap_or(&Value::Null);
        all.extend(
            holder["content"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(kind, content)| (format!("{name} {kind}"), content)),
        );
    };
    named.iter().for_each(|(name, response)| take(name, response));
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values().filter(|value| value.get("operationId").is_some()) {
            let name = operation["operationId"].as_str().unwrap();
            take(name, &operation["requestBody"]);
            operation["responses"].as_object().unwrap().values().for_each(|response| take(name, response));
        }
    }
    all
}

/// Where a value stands in the document.
fn pointer_to(document: &Value, value: &Value) -> String {
    fn search(at: &Value, wanted: &Value, path: &mut Vec<String>) -> bool {
        if std::ptr::eq(at, wanted) {
            return true;
        }
        let step = |name: String, next: &Value, path: &mut Vec<String>| {
            path.push(name);
            let found = search(next, wanted, path);
            if !found {
                path.pop();
            }
            found
        };
        match at {
            Value::Object(fields) => {
                fields.iter().any(|(name, next)| step(name.replace('~', "~0").replace('/', "~1"), next, path))
            }
            Value::Array(values) => values.iter().enumerate().any(|(n, next)| step(n.to_string(), next, path)),
            _ => false,
        }
    }
    let mut path = Vec::new();
    if search(document, value, &mut path) {
        path.iter().map(|name| format!("/{name}")).collect()
    } else {
        "/nowhere".to_owned()
    }
}

#[test]
fn examples_are_what_their_schemas_say() {
    let document = document();
    let mut checked = 0;
    for (name, content) in contents(&document) {
        // A stream's schema is of one event; the events themselves are checked as they come, end to end.
        let Some(schema) = content.get("schema").filter(|_| !name.ends_with("text/event-stream")) else { continue };
        let schema = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        let examples = content["examples"].as_object().into_iter().flatten().map(|(_, example)| {
            let example = example["$ref"].as_str().map_or(example, |to| document.pointer(&to[1..]).unwrap());
            &example["value"]
        });
        for example in examples.chain(content.get("example")) {
            let complaints: Vec<String> =
                validator.iter_errors(example).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(complaints.is_empty(), "{name}: {complaints:?}");
            checked += 1;
        }
    }
    assert!(checked > 0);
}

/// Operations whose answer is not shown: this document is.
const NOT_SHOWN: [&str; 2] = ["getOpenApi", "getOpenApiV1"];

#[test]
fn every_answer_in_json_has_an_example() {
    let document = document();
    let mut without = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values().filter(|value| value.get("operationId").is_some()) {
            let name = operation["operationId"].as_str().unwrap();
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let content = &answer["content"]["application/json"];
                let bare = content.is_object() && content["examples"].is_null() && content["example"].is_null();
                if status.starts_with('2') && bare && !NOT_SHOWN.contains(&name) {
                    without.push(format!("{name} {status}"));
                }
            }
        }
    }
    assert!(without.is_empty(), "no example of {without:?}");
}

/// Codes of which no answer is kept: they belong to no operation, or need something broken, gone at the right moment, or
/// another host.
const NOT_PROVOKED: [&str; 25] = [
    "BAD_REQUEST",
    "COMPONENT_BUSY",
    "COMPONENT_CHANGED",
    "COMPONENT_FAILED",
    "FILE_GONE",
    "HTTP_404",
    "HTTP_405",
    "IMAGE_REMOVED",
    "INTERNAL_ERROR",
    "JOB_EXPIRED",
    "NOT_CONFIGURED",
    "NOT_ON_SPIN",
    "NO_PREVIEW",
    "OVERLOADED",
    "PROVIDER_UNREACHABLE",
    "REQUEST_TIMEOUT",
    "REQUEST_TOO_SLOW",
    "REQUEST_UNRESOLVED",
    "RESULT_HOST_NOT_ALLOWED",
    "SERVICE_UNAVAILABLE",
    "STORAGE_FULL",
    "STREAM_NOT_CONFIGURED",
    "TOO_MANY_FILES",
    "UPLOAD_INTERRUPTED",
    "UPLOAD_TOO_SLOW",
];

#[test]
fn every_code_that_can_be_provoked_has_an_example() {
    let document = document();
    let shown = document["components"]["examples"].as_object().unwrap();
    let has = |code: &str| shown.keys().any(|name| name.starts_with("problem.") && name.ends_with(&format!(".{code}")));
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let codes: BTreeSet<&str> = codes.iter().filter_map(Value::as_str).collect();
    let without: Vec<_> = codes.iter().filter(|code| !has(code) && !NOT_PROVOKED.contains(code)).collect();
    assert!(without.is_empty(), "no example of {without:?}");
    let needless: Vec<_> = NOT_PROVOKED.iter().filter(|code| has(code) || !codes.contains(*code)).collect();
    assert!(needless.is_empty(), "there is an example of {needless:?}, or no such code any more");
}
