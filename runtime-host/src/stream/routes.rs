//! The two routes, and what a request for one of them asks.

use image2model_domain::ids::{parse_task_id, task_id_like};
use image2model_domain::problem::Problem;
use image2model_domain::{FileId, JobId};

use super::entry::Form;

const PLAIN: &str = "/api/v1/status/stream/:job_id";
const TASK: &str = "/api/v1/status/tasks/:task_id/stream";
/// Bounds of `?timeout=`, seconds.
const TIMEOUT: std::ops::RangeInclusive<u64> = 1..=86_400;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The route's pattern.
    pub route: &'static str,
    /// The form of the events.
    pub form: Form,
    /// The job, by a task id as long as no file is known to have it; `None` when the path holds no id.
    pub job: Option<JobId>,
    /// The id as it stands in the path.
    id: String,
    /// `?last_event_id=` or `?lastEventId=`.
    pub last_event_id: Option<String>,
    /// `?access_token=`.
    pub access_token: Option<String>,
    /// `?timeout=` as it came; only the task route has it.
    timeout: Option<String>,
}

/// Whether a path, without its query, is one of the two routes.
#[must_use]
pub fn takes(path: &str) -> bool {
    split(path).is_some()
}

impl Target {
    /// Reads a request's path and query; `None` when the path is none of ours.
    #[must_use]
    pub fn of(uri: &http::Uri) -> Option<Self> {
        let (form, id) = split(uri.path())?;
        let (route, job) = match form {
            Form::Plain => (PLAIN, JobId::parse(id).ok()),
            Form::Task => (TASK, parse_task_id(id).ok()),
        };
        let id = id.to_owned();
        let mut target = Self { route, form, job, id, last_event_id: None, access_token: None, timeout: None };
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let field = match name.as_ref() {
                "last_event_id" | "lastEventId" => &mut target.last_event_id,
                "access_token" => &mut target.access_token,
                "timeout" => &mut target.timeout,
                _ => continue,
            };
            field.get_or_insert_with(|| value.into_owned());
        }
        Some(target)
    }

    /// The file whose task this may be: a file has a task id of its own, which names the job that it is in.
    #[must_use]
    pub fn file(&self) -> Option<FileId> {
        let task = self.job.as_ref().filter(|_| self.form == Form::Task)?;
        FileId::parse(task.as_str()).ok()
    }

    /// The task id of a job in the events of this stream: as the client writes task ids.
    #[must_use]
    pub fn task_id(&self, job: &JobId) -> String {
        match self.form {
            Form::Plain => job.as_task_id(),
            Form::Task => task_id_like(&self.id, job),
        }
    }

    /// The job.
    ///
    /// # Errors
    /// The refusal for a path without an id.
    pub fn job(&self) -> Result<&JobId, Problem> {
        self.job.as_ref().ok_or_else(|| match self.form {
            Form::Plain => Problem::job_not_found(),
            Form::Task => Problem::plain(400, "Invalid task ID format. Expected UUID format."),
        })
    }

    /// Whether there is a stream even when there is no job: a task that nobody has heard of is waiting, as Celery has it.
    #[must_use]
    pub fn may_be_of_no_job(&self) -> bool {
        self.form == Form::Task && self.job.is_some()
    }

    /// After how many seconds the client wants to be let go.
    ///
    /// # Errors
    /// The refusal for a number out of bounds, or none at all.
    pub fn timeout(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.timeout.as_deref().filter(|_| self.form == Form::Task) else { return Ok(None) };
        match text.parse() {
            Ok(seconds) if TIMEOUT.contains(&seconds) => Ok(Some(seconds)),
            _ => {
                Err(Problem::new(422, "VALIDATION_ERROR", "timeout must be a whole number of seconds from 1 to 86400")
                    .with_details(serde_json::json!({ "field": "timeout" })))
            }
        }
    }
}

/// The form and the id of a path, with or without a slash at its end.
fn split(path: &str) -> Option<(Form, &str)> {
    let rest = path.strip_prefix("/api/v1/status/")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (form, id) = match rest.strip_prefix("stream/") {
        Some(id) => (Form::Plain, id),
        None => (Form::Task, rest.strip_prefix("tasks/")?.strip_suffix("/stream")?),
    };
    (!id.is_empty() && !id.contains('/')).then_some((form, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Option<Target> {
        Target::of(&uri.parse().unwrap())
    }

    #[test]
    fn takes_the_two_routes_and_no_other() {
        let id = "ab".repeat(16);
        for path in ["stream/x", "stream/x/", "tasks/x/stream", "tasks/x/stream/"] {
            assert!(takes(&format!("/api/v1/status/{path}")), "{path}");
        }
        for path in ["stream", "stream/", "stream/x/y", "tasks/x", "tasks//stream", "tasks/x/y/stream", &id] {
            assert!(!takes(&format!("/api/v1/status/{path}")), "{path}");
        }
        assert!(!takes("/status/stream/x"));
    }

    #[test]
    fn reads_ids_and_query() {
        let id = "ab".repeat(16);
        let plain =
            target(&format!("/api/v1/status/stream/{id}?lastEventId=e-1-2&timeout=0&access_token=t%2B")).unwrap();
        assert_eq!(plain.job().unwrap().as_str(), id);
        assert_eq!(plain.last_event_id.as_deref(), Some("e-1-2"));
        assert_eq!(plain.access_token.as_deref(), Some("t+"));
        assert_eq!(plain.timeout().unwrap(), None);
        assert_eq!(target("/api/v1/status/stream/nothing").unwrap().job().unwrap_err().status(), 404);
        assert_eq!(target("/api/v1/status/tasks/nothing/stream").unwrap().job().unwrap_err().status(), 400);
    }

    #[test]
    fn a_task_may_be_a_files_and_a_job_is_a_job() {
        let id = JobId::from_random([3; 16]);
        let task = target(&format!("/api/v1/status/tasks/{}/stream", id.as_task_id())).unwrap();
        assert_eq!((task.job().unwrap(), task.file()), (&id, FileId::parse(id.as_str()).ok()));
        assert_eq!(target(&format!("/api/v1/status/stream/{id}")).unwrap().file(), None);
    }

    #[test]
    fn a_task_id_is_told_as_the_client_writes_it() {
        let job = JobId::from_random([0xab; 16]);
        for asked in [job.to_string(), job.as_task_id(), job.as_str().to_uppercase()] {
            let task = target(&format!("/api/v1/status/tasks/{asked}/stream")).unwrap();
            assert_eq!((task.job().unwrap(), task.task_id(&job)), (&job, asked.to_lowercase()));
        }
        assert_eq!(target(&format!("/api/v1/status/stream/{job}")).unwrap().task_id(&job), job.as_task_id());
    }

    #[test]
    fn the_timeout_is_bounded() {
        let uuid = JobId::from_random([3; 16]).as_task_id();
        let timeout = |query: &str| target(&format!("/api/v1/status/tasks/{uuid}/stream{query}")).unwrap().timeout();
        assert_eq!(timeout("").unwrap(), None);
        assert_eq!(timeout("?timeout=86400").unwrap(), Some(86_400));
        for bad in ["0", "86401", "-1", "soon", ""] {
            assert_eq!(timeout(&format!("?timeout={bad}")).unwrap_err().code(), "VALIDATION_ERROR", "{bad}");
        }
    }
}
