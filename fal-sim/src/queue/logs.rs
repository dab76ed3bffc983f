//! Log lines of a run, few as on the real platform. A status answer carries those inside a moving time window.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::Duration;

/// Most lines one request keeps.
const MOST: usize = 200;

/// When in a run (share of its time) each line appears.
pub const STAGES: [(f64, &str); 8] = [
    (0.0, "Downloading input image"),
    (0.06, "Preprocessing image"),
    (0.15, "Generating… 20%"),
    (0.35, "Generating… 40%"),
    (0.55, "Generating… 60%"),
    (0.72, "Texturing… 80%"),
    (0.86, "Rendering preview… 90%"),
    (0.96, "Exporting model… 97%"),
];

/// The lines of one request.
#[derive(Debug, Default)]
pub struct Logs(Vec<(DateTime<Utc>, String)>);

impl Logs {
    /// Adds a line now.
    pub fn add(&mut self, message: &str) {
        if self.0.len() < MOST {
            self.0.push((Utc::now(), message.to_owned()));
        }
    }

    /// Number of lines so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Lines that are no older than `window`.
    pub fn within(&self, window: Duration) -> Vec<Value> {
        let oldest = chrono::TimeDelta::from_std(window).ok().and_then(|window| Utc::now().checked_sub_signed(window));
        let recent = |(at, _): &&(DateTime<Utc>, String)| oldest.is_none_or(|oldest| *at >= oldest);
        self.0.iter().filter(recent).map(entry).collect()
    }

    /// Lines from the `first` on.
    pub fn since(&self, first: usize) -> Vec<Value> {
        self.0.iter().skip(first).map(entry).collect()
    }
}

fn entry((at, message): &(DateTime<Utc>, String)) -> Value {
    json!({
        "message": message, "timestamp": at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        "level": "INFO", "source": "USER", "labels": {},
    })
}
