//! Writes server-sent events (WHATWG HTML §9.2): id, name, data, the reconnection hint and comments.

use std::fmt::Write;

use bytes::Bytes;

use super::position::EventId;

/// The comment that keeps a silent connection alive.
pub const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// One event. Without a name the client gets it as `message`.
#[must_use]
pub fn event(id: &EventId<'_>, name: Option<&str>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 96);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "id: {id}");
    if let Some(name) = name {
        let _ = writeln!(text, "event: {name}");
    }
    // JSON holds no line breaks; whatever does must not break out of its field.
    for line in data.split(['\n', '\r']) {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    Bytes::from(text)
}

/// The same after the heartbeat's comment, for clients that want to see heartbeats.
#[must_use]
pub fn heartbeat_event(id: &EventId<'_>, data: &str) -> Bytes {
    let mut bytes = b": heartbeat\n".to_vec();
    bytes.extend_from_slice(&event(id, Some("heartbeat"), data));
    Bytes::from(bytes)
}

/// How long the client should wait before it connects again, milliseconds.
#[must_use]
pub fn retry(milliseconds: u64) -> Bytes {
    Bytes::from(format!("retry: {milliseconds}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::position::{EntryId, Position};

    const ID: EventId<'static> = EventId { epoch: "e", position: Position::whole(EntryId { ms: 5, seq: 0 }) };

    #[test]
    fn an_event_has_its_id_name_and_data() {
        assert_eq!(event(&ID, None, "{\"a\":1}"), "id: e-5-0\ndata: {\"a\":1}\n\n");
        assert_eq!(event(&ID, Some("task_queued"), "{}"), "id: e-5-0\nevent: task_queued\ndata: {}\n\n");
        assert_eq!(heartbeat_event(&ID, "{}"), ": heartbeat\nid: e-5-0\nevent: heartbeat\ndata: {}\n\n");
        assert_eq!(retry(2500), "retry: 2500\n\n");
    }

    #[test]
    fn data_cannot_break_out_of_its_field() {
        assert_eq!(event(&ID, None, "a\n\nevent: x"), "id: e-5-0\ndata: a\ndata: \ndata: event: x\n\n");
        assert_eq!(event(&ID, None, "a\rb"), "id: e-5-0\ndata: a\ndata: b\n\n");
    }
}
