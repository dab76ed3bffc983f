//! Spans of Redis commands, in the words of OpenTelemetry's semantic conventions for databases. Keys and values are not
//! told: they may name jobs and people.

use ::redis::{Arg, Cmd, RedisError};

use super::{Kind, Span};

/// Begins the span of a command within the trace that `within` names, where there is one.
pub fn asked(command: &Cmd, server: &(String, u16), within: Option<&str>) -> Span {
    let Some(within) = within else { return Span::default() };
    let operation = || match command.args_iter().next() {
        Some(Arg::Simple(name)) => String::from_utf8_lossy(name).to_ascii_uppercase(),
        _ => "redis".to_owned(),
    };
    let span = Span::begin(Kind::Client, Some(within), operation);
    span.set("db.system.name", || "redis");
    span.set("db.operation.name", operation);
    span.set("server.address", || server.0.clone());
    span.set("server.port", || i64::from(server.1));
    span
}

/// Begins the span of one of our scripts, as a part of `within`.
pub fn script(within: &Span, name: &'static str) -> Span {
    let span = within.child(Kind::Client, || format!("EVALSHA {name}"));
    span.set("db.system.name", || "redis");
    span.set("db.operation.name", || "EVALSHA");
    span.set("db.stored_procedure.name", || name);
    span
}

impl Span {
    /// Says that Redis refused, by its own code, or did not answer.
    pub fn refused(&self, error: &RedisError) {
        if let Some(code) = error.code() {
            self.set("db.response.status_code", || code.to_owned());
        }
        self.fail(error.code().unwrap_or("no_answer"));
    }
}
