//! Storage calls of both official clients: signed URLs (JavaScript, Python's fallback) and the CDN with a token
//! (Python), each whole or in parts.

use super::{auth, context::Context, options::lifetime};
use crate::{
    errors::ApiError,
    origin::Service,
    scenario::Scenario,
    storage::{Description, FileName, PartReceipt, ReceiveError, Received},
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, header};
use serde::Deserialize;
use serde_json::{Value, json};

const LIFECYCLE: [&str; 2] = ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"];
const DEFAULT_TYPE: &str = "application/octet-stream";

/// `POST storage/upload/initiate` and `…/initiate-multipart`: a signed URL to put the file, or its parts, to.
pub async fn initiate(mut context: Context) -> Result<Response, ApiError> {
    let caller = auth::caller(&context);
    let body = context.read_json().await?;
    caller?;
    match context.query_value("storage_type").as_deref() {
        None | Some("fal-cdn-v3" | "fal-cdn" | "gcs") => {}
        Some(_) => return Err(ApiError::BadRequest("storage_type must be fal-cdn-v3 or gcs".into())),
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let path = FileName::fresh(text("file_name").unwrap_or("file")).path();
    let about = describe(&context, text("content_type"));
    let signature = context.sim.storage.uploads.begin(path.clone(), about);
    let url = url(&context, &path);
    Ok(Json(json!({"file_url": url, "upload_url": format!("{url}?signature={signature}")})).into_response())
}

/// `POST storage/auth/token`.
pub fn token(context: &Context) -> Result<Response, ApiError> {
    auth::payer(context)?;
    let expires = chrono::Utc::now() + crate::storage::LIFETIME;
    Ok(Json(json!({
        "token": context.sim.storage.uploads.issue_token(), "token_type": "Bearer",
        "base_url": context.target.origin.base(Service::Cdn),
        "expires_at": expires.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
    }))
    .into_response())
}

/// `POST files/upload`.
pub async fn upload(mut context: Context) -> Result<Response, ApiError> {
    if let Err(error) = auth::uploader(&context) {
        context.drain().await;
        return Err(error);
    }
    let path = named(&context);
    let about = describe(&context, None);
    let received = receive(&mut context).await?;
    context.sim.storage.keep(&path, received, about).await.map_err(disk)?;
    Ok(Json(json!({"access_url": url(&context, &path)})).into_response())
}

/// `POST files/upload/multipart`.
pub fn begin_multipart(context: &Context) -> Result<Response, ApiError> {
    auth::uploader(context)?;
    let path = named(context);
    let id = context.sim.storage.uploads.begin(path.clone(), describe(context, None));
    Ok(Json(json!({"access_url": url(context, &path), "uploadId": id})).into_response())
}

/// `PUT {signed URL}`.
pub async fn put(mut context: Context, path: &str) -> Result<Response, ApiError> {
    if context.headers.contains_key(header::AUTHORIZATION) {
        context.sim.counters.update(|counts| counts.uploads_with_credentials += 1);
    }
    let secret = context.query_value("signature").unwrap_or_default();
    let Some(pending) = context.sim.storage.uploads.find(&secret, path) else {
        context.drain().await;
        return Err(ApiError::BadSignature);
    };
    let received = receive(&mut context).await?;
    let mut about = pending.about.clone();
    if about.content_type == DEFAULT_TYPE
        && let Some(given) = context.header("content-type")
    {
        about.content_type = given.into();
    }
    context.sim.storage.keep(path, received, about).await.map_err(disk)?;
    Ok(Json(json!({})).into_response())
}

/// `PUT {signed URL's path}/{n}` or `PUT {access_url}/multipart/{id}/{n}`.
pub async fn put_part(
    mut context: Context,
    path: &str,
    upload: Option<String>,
    number: u32,
) -> Result<Response, ApiError> {
    let secret = upload.or_else(|| context.query_value("signature")).unwrap_or_default();
    let Some(pending) = context.sim.storage.uploads.find(&secret, path) else {
        context.drain().await;
        return Err(ApiError::BadSignature);
    };
    let received = receive(&mut context).await?;
    let PartReceipt { number, etag } = pending.add_part(number, received);
    // One client reads the header, the other the body.
    let headers: [(HeaderName, String); 1] = [(header::ETAG, etag.clone())];
    Ok((headers, Json(json!({"partNumber": number, "etag": etag}))).into_response())
}

/// The body of a completion.
#[derive(Deserialize)]
struct Completion {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "partNumber")]
    number: u32,
    etag: String,
}

/// `POST …/complete`.
pub async fn complete(mut context: Context, path: &str, upload: Option<String>) -> Result<Response, ApiError> {
    let body = context.read_json().await?;
    let secret = upload.or_else(|| context.query_value("signature")).unwrap_or_default();
    let storage = &context.sim.storage;
    let pending = storage.uploads.find(&secret, path).ok_or(ApiError::BadSignature)?;
    let wrong = |_| ApiError::BadRequest("Expected {\"parts\": [{\"partNumber\": 1, \"etag\": \"…\"}]}".into());
    let completion: Completion = serde_json::from_value(body).map_err(wrong)?;
    let mut parts: Vec<PartReceipt> =
        completion.parts.into_iter().map(|part| PartReceipt { number: part.number, etag: part.etag }).collect();
    parts.sort_by_key(|part| part.number);
    let assembled = pending.assemble(storage, &parts).await;
    let missing = || ApiError::BadRequest("A listed part was not uploaded or its etag differs".into());
    let received = assembled.ok_or_else(missing)?.map_err(failed)?;
    storage.keep(path, received, pending.about.clone()).await.map_err(disk)?;
    storage.uploads.finish(&secret);
    Ok(Json(json!({"access_url": url(&context, path)})).into_response())
}

fn url(context: &Context, path: &str) -> String {
    format!("{}/{path}", context.target.origin.base(Service::Cdn))
}

fn named(context: &Context) -> String {
    FileName::fresh(context.header("x-fal-file-name").unwrap_or("file")).path()
}

fn describe(context: &Context, content_type: Option<&str>) -> Description {
    let content_type = content_type.or_else(|| context.header("content-type").filter(|_| content_type.is_none()));
    Description {
        content_type: content_type.unwrap_or(DEFAULT_TYPE).into(),
        lifetime: lifetime(context, &LIFECYCLE),
        scenario: Scenario::Ok,
    }
}

async fn receive(context: &mut Context) -> Result<Received, ApiError> {
    let body = std::mem::take(&mut context.body).into_data_stream();
    let storage = &context.sim.storage;
    Received::from_stream(storage.incoming(), body, storage.max_file_bytes()).await.map_err(failed)
}

fn failed(error: ReceiveError) -> ApiError {
    match error {
        ReceiveError::TooLarge(most) => ApiError::TooLarge(most),
        ReceiveError::Broken => ApiError::BodyBroken,
        ReceiveError::Disk(error) => disk(error),
    }
}

fn disk(error: std::io::Error) -> ApiError {
    tracing::error!(%error, "a file could not be stored");
    ApiError::Internal
}
