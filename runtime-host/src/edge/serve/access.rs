//! The access log: one event a request, when its answer begins. Queries are left out, because they may hold an access
//! token; probes that are answered well are left out, because they say nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method, Response, header};
use image2model_domain::log::cut;
use image2model_domain::request_id::HEADER as REQUEST_ID;
use image2model_domain::{FileId, JobId};

/// The name that requests have among our events (`ops::logs` sorts by it).
const TARGET: &str = "image2model::access";
/// The longest path that is logged, in bytes.
const LONGEST_PATH: usize = 512;
/// What names a job in an answer.
const STATUS: &str = "/api/v1/status/";
/// Of requests whose client left before there was an answer, as proxies have it; nobody is sent it.
pub(super) const CLIENT_LEFT: u16 = 499;
const PROBES: [&str; 3] = ["/health", "/api/v1/health", "/.well-known/spin/health"];

/// Among an answer's extensions: the component that made it.
#[derive(Clone)]
pub(super) struct AnsweredBy(pub Arc<str>);

/// A request under way. Where it is dropped, its client has left.
pub(super) struct Line {
    method: Method,
    path: String,
    client: IpAddr,
    started: Instant,
    is_logged: bool,
}

impl Line {
    /// Remembers what the answer will not know.
    pub fn begin<B>(request: &http::Request<B>, client: IpAddr) -> Self {
        let path = cut(request.uri().path(), LONGEST_PATH).to_owned();
        Self { method: request.method().clone(), path, client, started: Instant::now(), is_logged: false }
    }

    /// Logs it.
    pub fn end<B>(mut self, answer: &Response<B>) {
        self.is_logged = true;
        let status = answer.status().as_u16();
        if status < 400 && PROBES.iter().any(|probe| self.path.starts_with(probe)) {
            return;
        }
        let component = answer.extensions().get::<AnsweredBy>().map(|AnsweredBy(component)| &**component);
        let headers = answer.headers();
        self.log(status, component, text(headers, REQUEST_ID), text(headers, header::LOCATION.as_str()));
    }

    fn log(&self, status: u16, component: Option<&str>, request_id: Option<&str>, location: Option<&str>) {
        let (method, path, client) = (self.method.as_str(), &*self.path, self.client);
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ids = ids(path, location);
        let (job_id, file_id) = (ids.job.as_ref().map(JobId::as_str), ids.file.as_ref().map(FileId::as_str));
        if status >= 500 {
            tracing::warn!(target: TARGET, method, path, status, elapsed_ms, %client, component, request_id, job_id, file_id, "request");
        } else {
            tracing::info!(target: TARGET, method, path, status, elapsed_ms, %client, component, request_id, job_id, file_id, "request");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_logged {
            self.log(CLIENT_LEFT, None, None, None);
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Ids {
    job: Option<JobId>,
    file: Option<FileId>,
}

/// The job and the file that a request is about: those in its path, or the job that its answer names.
fn ids(path: &str, location: Option<&str>) -> Ids {
    let mut segments = path.split('/').skip_while(|segment| JobId::parse(segment).is_err());
    // Of a file's own route the only id is the file's.
    let of_file = path.starts_with("/api/v1/upload/status/");
    let job = if of_file { None } else { segments.next().and_then(|segment| JobId::parse(segment).ok()) };
    let file = segments.next().and_then(|segment| FileId::parse(segment).ok());
    let made = || JobId::parse(location?.strip_prefix(STATUS)?).ok();
    Ids { job: job.or_else(made), file }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_job_and_the_file() {
        let (job, file) = (JobId::from_random([1; 16]), FileId::from_random([2; 16]));
        let both = Ids { job: Some(job.clone()), file: Some(file.clone()) };
        assert_eq!(ids(&format!("/api/v1/download/{job}/{file}/model"), None), both);
        assert_eq!(ids(&format!("/api/v1/status/tasks/{}", job.as_task_id()), None).job, Some(job.clone()));
        assert_eq!(ids(&format!("/api/v1/upload/status/{file}"), None), Ids { job: None, file: Some(file) });
        let made = ids("/api/v1/upload/", Some(&format!("/api/v1/status/{job}")));
        assert_eq!(made, Ids { job: Some(job), file: None });
        assert_eq!(ids("/api/v1/upload/", Some("https://elsewhere.example/x")), Ids::default());
    }
}
