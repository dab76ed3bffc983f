//! What a component prints, as one log line each, with its id: our own components' JSON lines at the level they name, any
//! other text as it is. A line is cut at `MAX_LINE` bytes; a component cannot make the host hold more of its output.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use super::log_budget::{Line as Allowed, LogBudget};

/// The name that components' lines have among ours (`ops::logs` sorts by it).
const TARGET: &str = "image2model::component";
/// The longest line that is kept, in bytes.
const MAX_LINE: usize = 8 * 1024;

/// Which of the two streams.
#[derive(Debug, Clone, Copy)]
pub(super) enum Output {
    Stdout,
    Stderr,
}

/// The sink behind one stream of one instance; all clones share the unfinished line.
#[derive(Clone)]
pub(super) struct LogStream {
    component: Arc<str>,
    output: Output,
    budget: Arc<LogBudget>,
    line: Arc<Mutex<Line>>,
}

/// A line as the components' kit writes it.
#[derive(Deserialize)]
struct Entry {
    level: Level,
    message: String,
    #[serde(default)]
    fields: Value,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Error,
    Warn,
    Info,
}

impl Entry {
    fn log(&self, component: &str) {
        let said = &*self.message;
        let field = |name: &str| self.fields.get(name).and_then(Value::as_str);
        let (request_id, trace_id, job_id) = (field("request_id"), field("trace_id"), field("job_id"));
        let fields = &self.fields;
        match self.level {
            Level::Error => {
                tracing::error!(target: TARGET, component, said, request_id, trace_id, job_id, %fields, "component log")
            }
            Level::Warn => {
                tracing::warn!(target: TARGET, component, said, request_id, trace_id, job_id, %fields, "component log")
            }
            Level::Info => {
                tracing::info!(target: TARGET, component, said, request_id, trace_id, job_id, %fields, "component log")
            }
        }
    }
}

#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

impl LogStream {
    pub fn new(component: Arc<str>, output: Output, budget: Arc<LogBudget>) -> Self {
        Self { component, output, budget, line: Arc::default() }
    }

    fn push(&self, mut bytes: &[u8]) {
        let mut line = self.line.lock();
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (head, tail) = bytes.split_at(end);
            line.extend(head);
            self.emit(&mut line);
            bytes = tail.strip_prefix(b"\n").unwrap_or(tail);
        }
        line.extend(bytes);
    }

    fn emit(&self, line: &mut Line) {
        match self.budget.line() {
            Allowed::Log => self.log(line),
            Allowed::LogAfter(left_out) => {
                let component = &*self.component;
                tracing::warn!(target: TARGET, component, left_out, "the component logs too much; lines were left out");
                self.log(line);
            }
            Allowed::LeaveOut => {}
        }
        line.bytes.clear();
        line.cut = false;
    }

    fn log(&self, line: &Line) {
        let text = String::from_utf8_lossy(&line.bytes);
        let (component, cut) = (&*self.component, line.cut);
        match self.output {
            Output::Stdout => tracing::info!(target: TARGET, component, cut, line = text.as_ref(), "component output"),
            Output::Stderr => match serde_json::from_str::<Entry>(&text) {
                Ok(entry) => entry.log(component),
                Err(_) => {
                    tracing::warn!(target: TARGET, component, cut, line = text.as_ref(), "component error output")
                }
            },
        }
    }
}

impl Line {
    fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes.extend(bytes.iter().take(room));
    }
}

impl Drop for LogStream {
    /// The last line of an instance may not end in a newline.
    fn drop(&mut self) {
        if Arc::strong_count(&self.line) > 1 {
            return;
        }
        let mut line = self.line.lock();
        if !line.bytes.is_empty() {
            self.emit(&mut line);
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_components_own_lines() {
        let line = r#"{"timestamp":"t","level":"INFO","message":"admin call","fields":{"request_id":"r"}}"#;
        let entry: Entry = serde_json::from_str(line).unwrap();
        assert_eq!(
            (entry.level, &*entry.message, &entry.fields["request_id"]),
            (Level::Info, "admin call", &"r".into())
        );
        for other in ["thread panicked", "{}", r#"{"level":"LOUD","message":"m"}"#] {
            assert!(serde_json::from_str::<Entry>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn keeps_at_most_one_bounded_line() {
        let stream = LogStream::new("c".into(), Output::Stdout, Arc::default());
        stream.push(b"one\ntw");
        stream.push(&vec![b'x'; MAX_LINE * 2]);
        {
            let line = stream.line.lock();
            assert_eq!((line.bytes.len(), line.cut), (MAX_LINE, true));
        }
        stream.push(b"\n");
        assert!(stream.line.lock().bytes.is_empty());
    }
}
