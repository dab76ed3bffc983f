//! Which call a method and path mean, service by service.

use crate::{errors::ApiError, faults::Call, origin::Service};
use http::Method;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Queue: submit to an endpoint.
    Submit(String),
    /// Queue: status of a request.
    Status(RequestPath),
    /// Queue: status stream of a request.
    StatusStream(RequestPath),
    /// Queue: result of a request.
    Result(RequestPath),
    /// Queue: cancel a request.
    Cancel(RequestPath),
    /// Run an endpoint and wait.
    Run(String),
    /// Run an endpoint and stream its progress.
    RunStream(String),
    /// Begin an upload.
    Initiate,
    /// Begin an upload in parts (JavaScript client).
    InitiateMultipart,
    /// A CDN token.
    CdnToken,
    /// Upload a whole file (Python client).
    Upload,
    /// Begin an upload in parts (Python client).
    UploadMultipart,
    /// Upload to a signed URL.
    PutFile(String),
    /// Upload one part; the secret is in the path (Python) or the query (JavaScript).
    PutPart {
        /// Path of the file.
        file: String,
        /// Upload id, when it is in the path.
        upload: Option<String>,
        /// From 1.
        number: u32,
    },
    /// Put the parts together.
    Complete {
        /// Path of the file.
        file: String,
        /// Upload id, when it is in the path.
        upload: Option<String>,
    },
    /// Download a file.
    Download(String),
    /// A token for browsers.
    Token,
    /// Keys that verify webhooks.
    Jwks,
    /// Request history.
    History,
    /// Platform facts.
    Meta,
    /// Our control interface, path within it.
    Control(String),
    /// CORS preflight.
    Preflight,
}

/// `{endpoint}/requests/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    /// Endpoint id or `owner/alias`; callers use both.
    pub app: String,
    /// Request id.
    pub id: String,
}

impl Route {
    /// The kind of call, for faults and counters.
    pub fn call(&self) -> Call {
        match self {
            Self::Submit(_) => Call::Submit,
            Self::Status(_) => Call::Status,
            Self::StatusStream(_) => Call::Stream,
            Self::Result(_) => Call::Result,
            Self::Cancel(_) => Call::Cancel,
            Self::Run(_) | Self::RunStream(_) => Call::Run,
            Self::Initiate | Self::InitiateMultipart => Call::Initiate,
            Self::CdnToken => Call::Token,
            Self::Upload | Self::UploadMultipart | Self::PutFile(_) | Self::PutPart { .. } | Self::Complete { .. } => {
                Call::Upload
            }
            Self::Download(_) => Call::Download,
            Self::History => Call::History,
            Self::Token | Self::Jwks | Self::Meta | Self::Control(_) | Self::Preflight => Call::Other,
        }
    }

    /// The call that `method` on `path` of a service means.
    pub fn of(service: Service, method: &Method, path: &str) -> Result<Self, ApiError> {
        if *method == Method::OPTIONS {
            return Ok(Self::Preflight);
        }
        match service {
            Service::Queue => queue(method, path),
            Service::Run => run(method, path),
            Service::Rest => rest(method, path),
            Service::Cdn => cdn(method, path),
            Service::Api => match (method, path) {
                (&Method::GET, "v1/models/requests/by-endpoint") => Ok(Self::History),
                (&Method::GET, "v1/meta") => Ok(Self::Meta),
                _ => Err(ApiError::UnknownPath(path.into())),
            },
            Service::Control => Ok(Self::Control(path.into())),
        }
    }
}

fn queue(method: &Method, path: &str) -> Result<Route, ApiError> {
    let segments: Vec<&str> = path.split('/').collect();
    let Some(at) = segments.iter().rposition(|segment| *segment == "requests") else {
        return if *method == Method::POST { Ok(Route::Submit(path.into())) } else { Err(ApiError::MethodNotAllowed) };
    };
    let (app, rest) = segments.split_at(at);
    let app = app.join("/");
    let request = |id: &str| RequestPath { app: app.clone(), id: id.to_owned() };
    match (method, rest.get(1..).unwrap_or_default()) {
        (&Method::GET, [id] | [id, "response"]) => Ok(Route::Result(request(id))),
        (&Method::GET, [id, "status"]) => Ok(Route::Status(request(id))),
        (&Method::GET, [id, "status", "stream"]) => Ok(Route::StatusStream(request(id))),
        (&Method::PUT, [id, "cancel"]) => Ok(Route::Cancel(request(id))),
        (_, [_] | [_, "response" | "status" | "cancel"] | [_, "status", "stream"]) => Err(ApiError::MethodNotAllowed),
        _ => Err(ApiError::UnknownPath(path.into())),
    }
}

fn run(method: &Method, path: &str) -> Result<Route, ApiError> {
    if *method != Method::POST {
        return Err(ApiError::MethodNotAllowed);
    }
    Ok(match path.strip_suffix("/stream") {
        Some(endpoint) => Route::RunStream(endpoint.into()),
        None => Route::Run(path.into()),
    })
}

fn rest(method: &Method, path: &str) -> Result<Route, ApiError> {
    match (method, path) {
        (&Method::POST, "storage/upload/initiate") => Ok(Route::Initiate),
        (&Method::POST, "storage/upload/initiate-multipart") => Ok(Route::InitiateMultipart),
        (&Method::POST, "storage/auth/token") => Ok(Route::CdnToken),
        (&Method::POST, "tokens") => Ok(Route::Token),
        (&Method::GET, ".well-known/jwks.json") => Ok(Route::Jwks),
        _ => Err(ApiError::UnknownPath(path.into())),
    }
}

fn cdn(method: &Method, path: &str) -> Result<Route, ApiError> {
    let unknown = || ApiError::UnknownPath(path.into());
    let segments: Vec<&str> = path.split('/').collect();
    match (method, segments.as_slice()) {
        (&Method::POST, ["files", "upload"]) => return Ok(Route::Upload),
        (&Method::POST, ["files", "upload", "multipart"]) => return Ok(Route::UploadMultipart),
        _ => {}
    }
    let (Some(file @ ["files", "b", _, _]), Some(rest)) = (segments.get(..4), segments.get(4..)) else {
        return Err(unknown());
    };
    let file = file.join("/");
    let part = |number: &str| number.parse().ok().filter(|number| (1..=crate::storage::MOST_PARTS).contains(number));
    match (method, rest) {
        (&Method::GET | &Method::HEAD, []) => Ok(Route::Download(file)),
        (&Method::PUT, []) => Ok(Route::PutFile(file)),
        (&Method::PUT, [number]) => {
            Ok(Route::PutPart { file, upload: None, number: part(number).ok_or_else(unknown)? })
        }
        (&Method::PUT, ["multipart", upload, number]) => {
            let number = part(number).ok_or_else(unknown)?;
            Ok(Route::PutPart { file, upload: Some((*upload).into()), number })
        }
        (&Method::POST, ["complete"]) => Ok(Route::Complete { file, upload: None }),
        (&Method::POST, ["multipart", upload, "complete"]) => {
            Ok(Route::Complete { file, upload: Some((*upload).into()) })
        }
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_paths_in_every_accepted_form() {
        let of = |method: Method, path: &str| Route::of(Service::Queue, &method, path);
        let request = |app: &str| RequestPath { app: app.into(), id: "7".into() };
        assert_eq!(of(Method::POST, "a/b/c"), Ok(Route::Submit("a/b/c".into())));
        assert_eq!(of(Method::GET, "a/b/requests/7"), Ok(Route::Result(request("a/b"))));
        assert_eq!(of(Method::GET, "a/b/requests/7/response"), Ok(Route::Result(request("a/b"))));
        assert_eq!(of(Method::GET, "a/b/c/requests/7/status"), Ok(Route::Status(request("a/b/c"))));
        assert_eq!(of(Method::GET, "a/b/requests/7/status/stream"), Ok(Route::StatusStream(request("a/b"))));
        assert_eq!(of(Method::PUT, "a/b/requests/7/cancel"), Ok(Route::Cancel(request("a/b"))));
        assert_eq!(of(Method::POST, "a/b/requests/7/cancel"), Err(ApiError::MethodNotAllowed));
    }

    #[test]
    fn parts_of_both_clients() {
        let of = |path: &str| Route::of(Service::Cdn, &Method::PUT, path);
        let file = || String::from("files/b/00/x_a.png");
        assert_eq!(of("files/b/00/x_a.png/3"), Ok(Route::PutPart { file: file(), upload: None, number: 3 }));
        let expected = Route::PutPart { file: file(), upload: Some("u".into()), number: 3 };
        assert_eq!(of("files/b/00/x_a.png/multipart/u/3"), Ok(expected));
        assert!(of("files/b/00/x_a.png/0").is_err());
    }
}
