//! What follows from an operation's level and budget, so that no source has to repeat it: security, refusals, headers.

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::alias;
use crate::errors::Catalogue;
use crate::examples::Examples;
use crate::json::{self, entry, reference, take_texts};

/// What the host may answer in a component's place, on every route.
const BY_THE_HOST: [&str; 8] = [
    "400 BAD_REQUEST",
    "408 REQUEST_TOO_SLOW",
    "500 INTERNAL_ERROR",
    "502 COMPONENT_FAILED",
    "503 NOT_CONFIGURED",
    "503 OVERLOADED",
    "503 SERVICE_UNAVAILABLE",
    "504 REQUEST_TIMEOUT",
];

/// Headers of every request, whatever it asks for.
const PARAMETERS: [&str; 2] = ["RequestId", "TraceParent"];

/// What every answer says of its request.
pub fn common_headers() -> Map<String, Value> {
    headers(&["X-Request-ID", "traceresponse"])
}

/// What an answer says of the allowance it was counted against.
pub fn allowance_headers() -> Map<String, Value> {
    headers(&["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"])
}

fn headers(names: &[&str]) -> Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), reference(&format!("#/components/headers/{name}")))).collect()
}

/// Writes in what follows from `x-level`, `x-budget` and `errors`. Responses of refusals go to `responses`.
pub fn complete(
    operation: &mut Value,
    catalogue: &Catalogue,
    examples: &Examples,
    responses: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    let level = json::text(operation, "x-level")?.to_owned();
    let counted = json::text(operation, "x-budget")? != "uncounted";
    *entry(operation, &["security"])? = security(&level)?;
    answers(operation, examples, counted)?;
    let mut errors = take_texts(operation, "errors")?;
    errors.extend(refusals(&level).iter().chain(&BY_THE_HOST).map(|text| (*text).to_owned()));
    if counted {
        errors.push("429 RATE_LIMITED".to_owned());
    }
    for (status, codes) in catalogue.by_status(&errors)? {
        let (name, response) = catalogue.response(&status, &codes, counted, examples);
        let place = entry(operation, &["responses", &status])?;
        if place.is_null() {
            *place = reference(&format!("#/components/responses/{name}"));
            responses.insert(name, response);
        } else {
            also(place, response)?;
        }
    }
    Ok(())
}

/// Adds the parameters that every operation of a path has.
pub fn common_parameters(item: &mut Value) -> anyhow::Result<()> {
    let parameters = entry(item, &["parameters"])?;
    let mut all = parameters.as_array().cloned().unwrap_or_default();
    all.extend(PARAMETERS.iter().map(|name| reference(&format!("#/components/parameters/{name}"))));
    *parameters = all.into();
    Ok(())
}

/// An answer that can come with the same status as a refusal, like that of a service which is not ready.
fn also(answer: &mut Value, refusal: Value) -> anyhow::Result<()> {
    let text = |value: &Value| json::text(value, "description").map(str::to_owned);
    *entry(answer, &["description"])? = format!("{}\n\n{}", text(answer)?, text(&refusal)?).into();
    for part in ["content", "headers"] {
        let more = refusal.get(part).and_then(Value::as_object).cloned().unwrap_or_default();
        json::extend(entry(answer, &[part])?, more)?;
    }
    Ok(())
}

/// Headers and examples of the answers that are no refusals.
fn answers(operation: &mut Value, examples: &Examples, counted: bool) -> anyhow::Result<()> {
    let id = json::text(operation, alias::SAME_AS).or_else(|_| json::text(operation, "operationId"))?.to_owned();
    let answers = entry(operation, &["responses"])?.as_object_mut().context("no responses")?;
    for (status, answer) in answers.iter_mut().filter(|(_, answer)| answer.get("$ref").is_none()) {
        let headers = entry(answer, &["headers"])?;
        let mut all = common_headers();
        all.extend(counted.then(allowance_headers).unwrap_or_default());
        json::extend(headers, all)?;
        let shown = examples.of_answer(&id, status);
        let content =
            answer.get_mut("content").and_then(Value::as_object_mut).and_then(|kinds| kinds.values_mut().next());
        if let (Some(content), false) = (content, shown.is_empty()) {
            json::extend(entry(content, &["examples"])?, shown)?;
        }
    }
    Ok(())
}

fn security(level: &str) -> anyhow::Result<Value> {
    let admin = json!({ "adminKey": [] });
    let user = json!({ "apiKey": [] });
    let session = json!({ "browserSession": [] });
    Ok(match level {
        "open" => json!([]),
        "user" => json!([user, admin, session]),
        "owner" => json!([user, admin, session, { "accessToken": [] }, {}]),
        "admin" => json!([admin, session]),
        _ => bail!("{level} is no level"),
    })
}

/// How the guard refuses at each level.
fn refusals(level: &str) -> &'static [&'static str] {
    match level {
        "user" => &["403 NOT_AUTHENTICATED", "403 INVALID_API_KEY", "403 CROSS_SITE_REQUEST"],
        "owner" => &[
            "403 NOT_AUTHENTICATED",
            "403 INVALID_API_KEY",
            "403 CROSS_SITE_REQUEST",
            "403 ACCESS_DENIED",
            "404 JOB_NOT_FOUND",
        ],
        "admin" => &["403 NOT_AUTHENTICATED", "403 INVALID_ADMIN_API_KEY", "403 CROSS_SITE_REQUEST"],
        _ => &[],
    }
}
