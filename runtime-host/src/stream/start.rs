//! How a stream begins: from the present state, from where the client stood, or with word that its place is gone.

use bytes::Bytes;
use image2model_domain::event::{snapshot, task_snapshot};
use image2model_domain::record::JobRecord;
use image2model_domain::view::unknown_task;
use serde_json::{Value, json};

use super::entry::{Form, StreamName, numbered};
use super::frame;
use super::position::{EntryId, EventId, Part, Position};

/// Why a client's place cannot be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Its id is none of ours.
    UnknownId,
    /// It belongs to another stream, or to a former one of this job.
    OtherStream,
    /// It is ahead of the stream: Redis has lost what the client has seen.
    Ahead,
    /// What it names is no longer kept.
    NotKept,
}

impl Reset {
    /// As the client reads it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownId => "unknown_id",
            Self::OtherStream => "other_stream",
            Self::Ahead => "ahead",
            Self::NotKept => "not_kept",
        }
    }
}

/// How to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the present state; after a reset when a reason is given.
    Snapshot(Option<Reset>),
    /// With what is left of such a state, of which so many events have arrived: it is still the present one. A client keeps
    /// to one form.
    Rest(usize),
    /// With what came after this place.
    Replay(Position),
    /// Not at all: the client has seen the job's last event.
    Finished,
}

/// Decides by the job as it stands and the client's `Last-Event-ID`.
#[must_use]
pub fn start(job: &JobRecord, last_event_id: Option<&str>) -> Start {
    let Some(text) = last_event_id.filter(|id| !id.is_empty()) else { return Start::Snapshot(None) };
    let Some(event) = EventId::parse(text) else { return Start::Snapshot(Some(Reset::UnknownId)) };
    let newest = newest(job);
    match event.position {
        _ if event.epoch != job.epoch => Start::Snapshot(Some(Reset::OtherStream)),
        Position { id, part: Part::Snapshot(told) } if id == newest => Start::Rest(told),
        // A snapshot that broke off, and is history by now, is taken again: nothing was missed that it does not tell.
        Position { part: Part::Snapshot(_), .. } => Start::Snapshot(None),
        Position { id, .. } if id > newest => Start::Snapshot(Some(Reset::Ahead)),
        Position { id, part: Part::Whole } if id == newest && job.status.is_terminal() => Start::Finished,
        position => Start::Replay(position),
    }
}

/// Id of the job's newest event.
#[must_use]
pub fn newest(job: &JobRecord) -> EntryId {
    EntryId::parse(&job.last_event_id).unwrap_or_default()
}

/// The present state as frames. The last of them carries the id of the job's newest event; those before it carry ids that
/// ask for the rest, or for a new snapshot, so that one which broke off is not taken for whole.
#[must_use]
pub fn snapshot_frames(job: &JobRecord, form: Form, name: &StreamName) -> Vec<Bytes> {
    let id = newest(job);
    match form {
        Form::Plain => {
            let events: Vec<(Option<&str>, Value)> = snapshot(job).into_iter().map(|event| (None, event)).collect();
            numbered(name, id, Part::Snapshot, &events)
        }
        Form::Task => numbered(name, id, Part::Snapshot, &task_snapshot(job, &name.task_id)),
    }
}

/// What a listener is told of a task that no job has, as the status route does; nothing that the client has had already.
#[must_use]
pub fn frames_of_no_job(name: &StreamName, last_event_id: Option<&str>, now_ms: i64) -> Vec<Bytes> {
    let told = Position::whole(EntryId::ZERO);
    let had = last_event_id.and_then(EventId::parse);
    if had.is_some_and(|had| had.epoch == &*name.epoch && had.position == told) {
        return Vec::new();
    }
    let queued = [("task_queued", unknown_task(&name.task_id, now_ms))];
    numbered(name, told.id, Part::Snapshot, &queued)
}

/// Tells the client that its place is gone and a snapshot follows.
#[must_use]
pub fn reset_frame(job: &JobRecord, reason: Reset, form: Form, name: &StreamName) -> Bytes {
    let id = EventId { epoch: &name.epoch, position: Position { id: newest(job), part: Part::Snapshot(0) } };
    let event = match form {
        Form::Plain => None,
        Form::Task => Some("reset"),
    };
    let data = json!({ "type": "reset", "job_id": job.id, "task_id": &*name.task_id, "reason": reason.as_str() });
    frame::event(&id, event, &data.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::commands::ReadJob;
    use image2model_domain::script::{Command, Replies, Value as Reply};
    use image2model_domain::{JobId, Keyspace};

    fn job(status: &str) -> JobRecord {
        let id = JobId::from_random([7; 16]);
        let pairs = |pairs: &[(&str, &str)]| {
            let count = Reply::Int(i64::try_from(pairs.len()).unwrap());
            let text = pairs.iter().flat_map(|(k, v)| [k, v]).map(|t| Reply::Bytes(t.as_bytes().to_vec()));
            std::iter::once(count).chain(text).collect::<Vec<_>>()
        };
        let mut reply = vec![Reply::Bytes(b"500-1".to_vec()), Reply::Bytes(Vec::new()), Reply::Int(50)];
        reply.extend(pairs(&[("id", id.as_str()), ("status", status), ("epoch", "abc")]));
        for file in ["11", "22"] {
            reply.extend(pairs(&[("id", &file.repeat(16)), ("status", "processing"), ("progress", "50")]));
        }
        let command = ReadJob(&id);
        let script = command.call(&Keyspace::single()).script;
        command.read(Replies::new(script, reply)).unwrap().unwrap()
    }

    #[test]
    fn a_place_is_resumed_or_its_loss_is_told() {
        let running = job("processing");
        let at = |ms, seq| Start::Replay(Position::whole(EntryId { ms, seq }));
        assert_eq!(start(&running, None), Start::Snapshot(None));
        assert_eq!(start(&running, Some("")), Start::Snapshot(None));
        assert_eq!(start(&running, Some("abc-500-0")), at(500, 0));
        assert_eq!(start(&running, Some("abc-500-1")), at(500, 1));
        assert_eq!(start(&running, Some("abc-500-1.s3")), Start::Rest(3));
        assert_eq!(start(&running, Some("abc-500-0.s3")), Start::Snapshot(None), "it is history by now");
        assert_eq!(start(&running, Some("abc-500-2")), Start::Snapshot(Some(Reset::Ahead)));
        assert_eq!(start(&running, Some("xyz-500-1")), Start::Snapshot(Some(Reset::OtherStream)));
        assert_eq!(start(&running, Some("17")), Start::Snapshot(Some(Reset::UnknownId)));
    }

    #[test]
    fn who_has_seen_the_end_is_told_nothing_more() {
        let ended = job("completed");
        assert_eq!(start(&ended, Some("abc-500-1")), Start::Finished);
        assert!(matches!(start(&ended, Some("abc-500-1.1")), Start::Replay(_)));
        assert!(matches!(start(&ended, Some("abc-499-0")), Start::Replay(_)));
        assert_eq!(start(&ended, None), Start::Snapshot(None));
    }

    #[test]
    fn of_a_task_that_no_job_has_a_client_is_told_once() {
        let name = StreamName::of_no_job("t");
        let told = |last: Option<&str>| frames_of_no_job(&name, last, 0);
        assert!(told(None)[0].starts_with(b"id: unknown-0-0\nevent: task_queued\ndata: {"));
        assert!(told(Some("unknown-0-0")).is_empty());
        assert_eq!(told(Some("abc-500-1")), told(None));
        assert_eq!(start(&job("processing"), Some("unknown-0-0")), Start::Snapshot(Some(Reset::OtherStream)));
    }

    #[test]
    fn only_a_whole_snapshot_counts_as_seen() {
        let job = job("processing");
        let name = StreamName::new(&job.epoch, "t");
        let frames = snapshot_frames(&job, Form::Plain, &name);
        assert!(frames[0].starts_with(b"id: abc-500-1.s1\ndata: {"));
        assert!(frames[1].starts_with(b"id: abc-500-1\ndata: {"));
        let named = snapshot_frames(&job, Form::Task, &name);
        assert!(named[0].starts_with(b"id: abc-500-1.s1\nevent: file_update\n"));
        assert!(named[2].starts_with(b"id: abc-500-1\nevent: task_progress\n"));
    }

    #[test]
    fn the_named_form_agrees_with_how_the_job_stands() {
        let told = |status: &str| {
            let job = job(status);
            let frames = snapshot_frames(&job, Form::Task, &StreamName::new(&job.epoch, "t"));
            let text: Vec<String> = frames.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect();
            let line =
                |text: &String, name: &str| text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
            let names: Vec<_> = text.iter().filter_map(|text| line(text, "event: ")).collect();
            let whole = text.iter().filter(|text| !text.contains("event: file_update"));
            let data: Vec<Value> = whole.filter_map(|text| serde_json::from_str(&line(text, "data: ")?).ok()).collect();
            let words = data.iter().map(|data| data["job_status"].as_str().unwrap_or_default().to_owned());
            (names, words.collect::<Vec<_>>())
        };
        for (status, names) in [
            ("pending", ["task_queued", "file_update", "file_update"]),
            ("processing", ["file_update", "file_update", "task_progress"]),
            ("completed", ["file_update", "file_update", "task_completed"]),
            ("failed", ["file_update", "file_update", "task_failed"]),
        ] {
            let expected: (Vec<String>, Vec<String>) = (names.map(str::to_owned).to_vec(), vec![status.to_owned()]);
            assert_eq!(told(status), expected);
        }
    }
}
