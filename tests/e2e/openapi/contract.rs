//! The product's own OpenAPI document, and whether an answer is what it says: status, media type, headers, body.
//!
//! Bodies are held against closed schemas: a field that the document does not name is a complaint, so that none goes
//! undocumented. Clients read the same schemas as open ones.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

/// How long the service may be away for a moment, as it is where Redis waits for a disk beside many others.
const A_MOMENT: Duration = Duration::from_secs(2);

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// Reads an answer to its end.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn read(response: reqwest::Response) -> anyhow::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await? })
    }

    /// What `ask` is answered, the second time where the service was away for a moment the first time.
    ///
    /// # Errors
    /// Those of asking.
    pub async fn to(ask: impl AsyncFn() -> anyhow::Result<Self>) -> anyhow::Result<Self> {
        let answer = ask().await?;
        if answer.status != 503 || answer.json()["error_code"] != "SERVICE_UNAVAILABLE" {
            return Ok(answer);
        }
        tokio::time::sleep(A_MOMENT).await;
        ask().await
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The media type without parameters.
    #[must_use]
    pub fn media_type(&self) -> &str {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }
}

/// One documented operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// In lower case.
    pub method: String,
    /// With `{names}`.
    pub path: String,
}

/// The document.
pub struct Contract {
    document: Value,
    operations: BTreeMap<String, Operation>,
}

impl Contract {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(document: Value) -> anyhow::Result<Self> {
        let mut operations = BTreeMap::new();
        let paths = document.get("paths").and_then(Value::as_object).context("the document has no paths")?;
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
                    operations.insert(id.to_owned(), Operation { method: method.clone(), path: path.clone() });
                }
            }
        }
        Ok(Self { document, operations })
    }

    /// Every operation by its id.
    #[must_use]
    pub fn operations(&self) -> &BTreeMap<String, Operation> {
        &self.operations
    }

    /// The source of an operation.
    ///
    /// # Errors
    /// When no operation has this id.
    pub fn source(&self, id: &str) -> anyhow::Result<&Value> {
        let operation = self.operations.get(id).with_context(|| format!("{id} is not documented"))?;
        let item = self.document.get("paths").and_then(|paths| paths.get(&operation.path));
        item.and_then(|item| item.get(&operation.method)).context("the operation is gone")
    }

    /// The parameters of an operation, its path's among them.
    ///
    /// # Errors
    /// When no operation has this id, or a reference leads nowhere.
    pub fn parameters(&self, id: &str) -> anyhow::Result<Vec<&Value>> {
        let operation = self.source(id)?;
        let path = self.operations.get(id).map(|operation| operation.path.as_str()).unwrap_or_default();
        let item = self.document.get("paths").and_then(|paths| paths.get(path));
        let lists = [item, Some(operation)].into_iter().flatten().filter_map(|holder| holder.get("parameters"));
        lists.filter_map(Value::as_array).flatten().map(|parameter| self.resolved(parameter)).collect()
    }

    /// A schema by its name.
    ///
    /// # Errors
    /// When there is none.
    pub fn schema(&self, name: &str) -> anyhow::Result<&Value> {
        let schemas = self.document.pointer("/components/schemas");
        schemas.and_then(|schemas| schemas.get(name)).with_context(|| format!("there is no schema {name}"))
    }

    /// Whether an operation may answer so.
    ///
    /// # Errors
    /// Every complaint.
    pub fn check(&self, id: &str, answer: &Answer) -> anyhow::Result<()> {
        let responses = self.source(id)?.get("responses").context("no responses")?;
        let status = answer.status.to_string();
        let Some(response) = responses.get(&status) else {
            bail!("{id}: {status} is not documented: {}", String::from_utf8_lossy(&answer.body));
        };
        let response = self.resolved(response)?;
        self.check_headers(response, answer).with_context(|| format!("{id} {status}"))?;
        self.check_body(response, answer).with_context(|| format!("{id} {status}"))
    }

    fn check_headers(&self, response: &Value, answer: &Answer) -> anyhow::Result<()> {
        let documented = response.get("headers").and_then(Value::as_object);
        for (name, header) in documented.into_iter().flatten() {
            let header = self.resolved(header)?;
            let required = header.get("required").and_then(Value::as_bool) == Some(true);
            let Some(value) = answer.headers.get(name) else {
                ensure!(!required, "{name} is missing");
                continue;
            };
            let schema = header.get("schema").context("a header has no schema")?;
            let value = value.to_str()?;
            let value = match schema.get("type").and_then(Value::as_str) {
                Some("integer") => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
                _ => json!(value),
            };
            self.check_value(schema, &value).with_context(|| name.clone())?;
        }
        Ok(())
    }

    fn check_body(&self, response: &Value, answer: &Answer) -> anyhow::Result<()> {
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            ensure!(answer.body.is_empty(), "a body where none is documented");
            return Ok(());
        };
        let kind = answer.media_type();
        let range = kind.split_once('/').map_or(String::new(), |(family, _)| format!("{family}/*"));
        let documented = content.get(kind).or_else(|| content.get(&range));
        let documented = documented.with_context(|| format!("{kind} is not documented"))?;
        match documented.get("schema").filter(|_| kind == "application/json" || kind.ends_with("+json")) {
            Some(schema) => self.check_value(schema, &answer.json()),
            None => Ok(()),
        }
    }

    /// Whether a value is what a schema of the document says, and nothing more.
    ///
    /// # Errors
    /// Every complaint with its place.
    pub fn check_value(&self, schema: &Value, value: &Value) -> anyhow::Result<()> {
        let mut schemas = self.document.pointer("/components/schemas").cloned().context("no schemas")?;
        let closed = schemas.as_object_mut().context("schemas are named")?;
        let mut open: Vec<_> = closed.iter().map(|(name, schema)| (format!("{name}{OPEN}"), schema.clone())).collect();
        open.iter_mut().for_each(|(_, schema)| close_within(schema));
        closed.values_mut().for_each(close);
        closed.extend(open);
        let mut schema = schema.clone();
        close(&mut schema);
        let whole = json!({ "allOf": [schema], "components": { "schemas": schemas } });
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&whole)?;
        let complaints: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        ensure!(complaints.is_empty(), "{}\n{value}", complaints.join("\n"));
        Ok(())
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> anyhow::Result<&'a Value> {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
        let pointer = reference.strip_prefix('#').context("a reference that leads out of the document")?;
        self.document.pointer(pointer).with_context(|| format!("{reference} leads nowhere"))
    }
}

/// Ends the name of a schema that is left open for the other members of an `allOf`.
const OPEN: &str = "--open";

/// Lets no field through that is not named. Members of `allOf` do not see each other's fields, so only the whole is closed.
fn close(schema: &mut Value) {
    close_within(schema);
    if let Some(fields) = schema.as_object_mut() {
        if fields.contains_key("allOf") {
            fields.insert("unevaluatedProperties".to_owned(), json!(false));
        } else if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
            fields.insert("additionalProperties".to_owned(), json!(false));
        }
    }
}

/// Closes what a schema's fields and elements are, not the schema itself.
fn close_within(schema: &mut Value) {
    for (name, value) in schema.as_object_mut().into_iter().flatten() {
        match name.as_str() {
            "properties" => value.as_object_mut().into_iter().flatten().for_each(|(_, field)| close(field)),
            "items" | "additionalProperties" => close(value),
            "oneOf" | "anyOf" => value.as_array_mut().into_iter().flatten().for_each(close),
            "allOf" => value.as_array_mut().into_iter().flatten().for_each(keep_open),
            _ => {}
        }
    }
}

fn keep_open(member: &mut Value) {
    close_within(member);
    if let Some(Value::String(reference)) = member.get_mut("$ref") {
        reference.push_str(OPEN);
    }
}
