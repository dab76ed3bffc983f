//! Reads server-sent events out of bytes (the format of the HTML standard, as far as a client needs it).

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// To resume after it; empty when it has none.
    pub id: String,
    /// What it carries.
    pub data: String,
}

/// A longer line is no event of ours.
const LONGEST_LINE: usize = 1 << 20;

/// Gathers bytes into events.
#[derive(Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    /// What the server asked us to wait before connecting again, milliseconds.
    pub retry: Option<u64>,
}

impl Parser {
    /// The events that are complete with these bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => events.extend(self.end_line()),
                b'\r' => {}
                _ if self.line.len() < LONGEST_LINE => self.line.push(*byte),
                _ => {}
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.event.id),
            "data" if self.event.data.is_empty() => value.clone_into(&mut self.event.data),
            "data" => {
                self.event.data.push('\n');
                self.event.data.push_str(value);
            }
            "retry" => self.retry = value.parse().ok().or(self.retry),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_bytes_are_cut() {
        let text = b": hello\nretry: 1500\n\nid: 1\ndata: {\"a\":\ndata: 1}\n\nevent: x\r\ndata: two\r\n\r\ndata: half";
        for size in [1, 3, text.len()] {
            let mut parser = Parser::default();
            let events: Vec<Event> = text.chunks(size).flat_map(|chunk| parser.feed(chunk)).collect();
            let event = |id: &str, data: &str| Event { id: id.to_owned(), data: data.to_owned() };
            assert_eq!(events, [event("1", "{\"a\":\n1}"), event("", "two")]);
            assert_eq!(parser.retry, Some(1500));
        }
    }
}
