//! One event on its way to listeners: read once, framed once per form, shared by all who get it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use image2model_domain::event::{is_last, task_events};
use serde_json::Value;
use tokio::time::Instant;

use super::frame;
use super::position::{EntryId, EventId, Part, Position};

/// The two shapes a job's events are served in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The seeds': unnamed events, one for each entry.
    Plain,
    /// The original's task stream: named events, one or several for each entry.
    Task,
}

/// The epoch in the ids of a stream whose task no job has. A job's own is hexadecimal.
const OF_NO_JOB: &str = "unknown";

/// What the frames of one job's stream have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamName {
    /// The job's epoch, part of every id.
    pub epoch: Arc<str>,
    /// The job's task id, in the form that its listener gives it.
    pub task_id: Arc<str>,
}

impl StreamName {
    /// The names of a job's stream.
    #[must_use]
    pub fn new(epoch: &str, task_id: &str) -> Self {
        Self { epoch: epoch.into(), task_id: task_id.into() }
    }

    /// The names of the stream of a task that no job has.
    #[must_use]
    pub fn of_no_job(task_id: &str) -> Self {
        Self::new(OF_NO_JOB, task_id)
    }

    /// Whether they are such.
    #[must_use]
    pub fn is_of_no_job(&self) -> bool {
        &*self.epoch == OF_NO_JOB
    }
}

/// One entry of a job's stream.
#[derive(Debug)]
pub struct Entry {
    id: EntryId,
    data: String,
    arrived: Instant,
    facts: OnceLock<Facts>,
    plain: OnceLock<Framed>,
    task: OnceLock<Framed>,
}

/// What is asked of an event again and again. The rest of it is read when it is framed.
#[derive(Debug, Default)]
struct Facts {
    last: bool,
    kind: Kind,
    file: Option<Box<str>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Kind {
    Progress,
    Log,
    #[default]
    Other,
}

#[derive(Debug)]
struct Framed {
    name: StreamName,
    frames: Arc<[Bytes]>,
}

impl Entry {
    /// An entry with its data, the event as JSON, that has arrived now.
    #[must_use]
    pub fn new(id: EntryId, data: String) -> Self {
        let (facts, plain, task) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { id, data, arrived: Instant::now(), facts, plain, task }
    }

    /// Its id in the job's stream.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// When it got here.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// About how many bytes it is.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// Whether it ends its job's stream.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.facts().last
    }

    /// The file whose progress it tells, and nothing else: a later event of that file makes it superfluous.
    #[must_use]
    pub fn progress_of(&self) -> Option<&str> {
        let facts = self.facts();
        facts.file.as_deref().filter(|_| facts.kind == Kind::Progress)
    }

    /// The file it is about, unless it is one of the log lines, which say nothing of the file's state.
    #[must_use]
    pub fn state_of(&self) -> Option<&str> {
        let facts = self.facts();
        facts.file.as_deref().filter(|_| facts.kind != Kind::Log)
    }

    /// What goes over the wire. Made for the first listener and shared by all others of the same names.
    #[must_use]
    pub fn frames(&self, form: Form, name: &StreamName) -> Arc<[Bytes]> {
        let cell = match form {
            Form::Plain => &self.plain,
            Form::Task => &self.task,
        };
        let make = || Framed { name: name.clone(), frames: self.make_frames(form, name) };
        let framed = cell.get_or_init(make);
        if framed.name == *name { framed.frames.clone() } else { self.make_frames(form, name) }
    }

    fn make_frames(&self, form: Form, name: &StreamName) -> Arc<[Bytes]> {
        match form {
            Form::Plain => {
                let id = EventId { epoch: &name.epoch, position: Position::whole(self.id) };
                Arc::from([frame::event(&id, None, &self.data)])
            }
            Form::Task => {
                let events = self.value().map(|event| task_events(&event, &name.task_id)).unwrap_or_default();
                numbered(name, self.id, Part::Events, &events).into()
            }
        }
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| self.value().as_ref().map(Facts::of).unwrap_or_default())
    }

    fn value(&self) -> Option<Value> {
        serde_json::from_str(&self.data).ok()
    }
}

impl Facts {
    fn of(event: &Value) -> Self {
        // Without a type it says nothing of a file.
        let kind = event.get("type").and_then(Value::as_str);
        let file = kind.and_then(|_| event.get("file_id")).and_then(Value::as_str).map(Into::into);
        let kind = match kind {
            Some("progress") => Kind::Progress,
            Some("log") => Kind::Log,
            _ => Kind::Other,
        };
        Self { last: is_last(event), kind, file }
    }
}

/// Frames several events that stand at one entry: the last carries the entry's id, those before it say how many came.
pub fn numbered<N>(name: &StreamName, id: EntryId, part: fn(usize) -> Part, events: &[(N, Value)]) -> Vec<Bytes>
where
    N: Copy + Into<Option<&'static str>>,
{
    let write = |(i, (event, data)): (usize, &(N, Value))| {
        let part = if i + 1 == events.len() { Part::Whole } else { part(i + 1) };
        let id = EventId { epoch: &name.epoch, position: Position { id, part } };
        frame::event(&id, (*event).into(), &data.to_string())
    };
    events.iter().enumerate().map(write).collect()
}

/// Leaves out the progress of files of which something later is in the same batch. Everything else stays, in order.
#[must_use]
pub fn coalesce(batch: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
    let mut kept: Vec<Arc<Entry>> = Vec::with_capacity(batch.len());
    let mut told = std::collections::HashSet::new();
    for entry in batch.into_iter().rev() {
        let superfluous = entry.progress_of().is_some_and(|file| told.contains(file));
        if let Some(file) = entry.state_of() {
            told.insert(file.to_owned());
        }
        if !superfluous {
            kept.push(entry);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, data: &str) -> Arc<Entry> {
        Arc::new(Entry::new(EntryId { ms: 1, seq }, data.to_owned()))
    }

    fn name(epoch: &str) -> StreamName {
        StreamName::new(epoch, "t")
    }

    #[test]
    fn is_framed_once_and_shared() {
        let entry = entry(0, r#"{"type":"progress","file_id":"f","progress":40}"#);
        let (one, two) = (entry.frames(Form::Plain, &name("e")), entry.frames(Form::Plain, &name("e")));
        assert!(Arc::ptr_eq(&one, &two));
        assert!(entry.frames(Form::Plain, &name("other"))[0].starts_with(b"id: other-1-0\n"));
        let told = |task_id: &str| entry.frames(Form::Task, &StreamName::new("e", task_id))[1].clone();
        assert!([told("t"), told("u")].iter().zip(["t", "u"]).all(|(frame, task_id)| {
            std::str::from_utf8(frame).unwrap().contains(&format!("\"task_id\":\"{task_id}\""))
        }));
    }

    #[test]
    fn the_named_form_numbers_the_events_of_one_entry() {
        let entry = entry(0, r#"{"type":"progress","file_id":"f","progress":40}"#);
        let frames = entry.frames(Form::Task, &name("e"));
        assert!(frames[0].starts_with(b"id: e-1-0.1\nevent: file_update\n"));
        assert!(frames[1].starts_with(b"id: e-1-0\nevent: task_progress\n"));
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn what_is_not_json_reaches_nobody_in_the_named_form() {
        assert!(entry(0, "not json").frames(Form::Task, &name("e")).is_empty());
    }

    #[test]
    fn coalescing_keeps_the_latest_progress_of_each_file_and_everything_else() {
        let batch = vec![
            entry(0, r#"{"type":"progress","file_id":"a","progress":1}"#),
            entry(1, r#"{"type":"progress","file_id":"b","progress":1}"#),
            entry(2, r#"{"type":"log","file_id":"b","message":"x"}"#),
            entry(3, r#"{"type":"progress","file_id":"a","progress":2}"#),
            entry(4, r#"{"type":"completed","file_id":"a"}"#),
            entry(5, r#"{"type":"job","status":"completed"}"#),
        ];
        let kept: Vec<u64> = coalesce(batch).iter().map(|e| e.id().seq).collect();
        assert_eq!(kept, [1, 2, 4, 5]);
    }
}
