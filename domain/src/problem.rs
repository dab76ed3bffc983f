//! The one shape of every refusal: RFC 9457 `application/problem+json` that is also the original system's envelope
//! (docs/compatibility.md). Nothing internal belongs in a detail.

use serde_json::{Value, json};

/// Media type of a problem answer.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A refusal, before it is written for one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: u16,
    code: String,
    detail: String,
    details: Value,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// A refusal with its HTTP status, stable code and a sentence for whoever reads it.
    #[must_use]
    pub fn new(status: u16, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), details: json!({}), headers: Vec::new() }
    }

    /// A refusal for which no finer code applies: `HTTP_<status>`.
    #[must_use]
    pub fn plain(status: u16, detail: impl Into<String>) -> Self {
        Self::new(status, format!("HTTP_{status}"), detail)
    }

    /// 422 for a field of the request that cannot be as it is; it is named beside the sentence.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(422, "VALIDATION_ERROR", detail).with_details(json!({ "field": field }))
    }

    /// 404 for a job that does not exist, or that the caller may not know of.
    #[must_use]
    pub fn job_not_found() -> Self {
        Self::new(404, "JOB_NOT_FOUND", "Job not found")
    }

    /// 404 for a file that is not part of the job.
    #[must_use]
    pub fn file_not_found() -> Self {
        Self::new(404, "FILE_NOT_FOUND", "File not found")
    }

    /// 404 for a path that no route has.
    #[must_use]
    pub fn no_route() -> Self {
        Self::plain(404, "Not Found")
    }

    /// 503 while something the answer needs is away; the client may try again.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "SERVICE_UNAVAILABLE", detail).with_header("retry-after", "2")
    }

    /// 503 while as many images wait as may; what is at work goes on.
    #[must_use]
    pub fn queue_full() -> Self {
        let detail = "Too many images are waiting already; try again in a minute.";
        Self::new(503, "QUEUE_FULL", detail).with_header("retry-after", "60")
    }

    /// 503 while there is no room for new files; what is at work goes on.
    #[must_use]
    pub fn storage_full() -> Self {
        let detail = "There is no room for new images at the moment; nothing was kept. Please try again in a minute.";
        Self::new(503, "STORAGE_FULL", detail).with_header("retry-after", "60")
    }

    /// 500 for a fault of ours, which the log knows more about.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(500, "INTERNAL_ERROR", "Something went wrong on our side. Quote the request id when you report it.")
    }

    /// Adds what a program can use: field names, limits, the list of bad files.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// Adds a header to the answer, its name in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Headers that go with it.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The body, for the request with this path and id.
    #[must_use]
    pub fn body(&self, instance: &str, request_id: &str) -> Value {
        json!({
            "type": format!("urn:image2model:problem:{}", self.code.to_ascii_lowercase().replace('_', "-")),
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
            "error": true,
            "error_code": self.code,
            "message": self.detail,
            "status_code": self.status,
            "details": self.details,
        })
    }
}

/// The reason phrase of a status (RFC 9110), for `title`.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_both_envelopes_at_once() {
        let body = Problem::job_not_found().body("/api/v1/status/x", "r1");
        assert_eq!(body["status"], 404);
        assert_eq!(body["title"], "Not Found");
        assert_eq!(body["error"], true);
        assert_eq!(body["error_code"], "JOB_NOT_FOUND");
        assert_eq!(body["message"], body["detail"]);
        assert_eq!(body["type"], "urn:image2model:problem:job-not-found");
        assert_eq!(Problem::plain(405, "x").code(), "HTTP_405");
    }
}
