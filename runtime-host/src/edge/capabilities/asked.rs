//! Which request a guest is at when it asks the host for something: an instance may be at several. Known only while spans
//! are on; nothing is kept otherwise.

use std::collections::VecDeque;

use wasmtime::component::GuestTaskId;

/// Requests that are remembered: more than one instance is asked at a time, so that the oldest have long been answered.
const MOST: usize = 64;

/// The requests of one instance, each with its place in its trace (`traceparent`).
#[derive(Default)]
pub(crate) struct Asked(VecDeque<(GuestTaskId, String)>);

impl Asked {
    /// `task` begins to answer a request.
    pub fn begin(&mut self, task: GuestTaskId, place: Option<String>) {
        let Some(place) = place else { return };
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((task, place));
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of the request that `stack` works for, the tasks that call each other.
    pub fn within(&self, stack: &[GuestTaskId]) -> Option<String> {
        // The latest first: ids of tasks that have ended are used again.
        self.0.iter().rev().find(|(task, _)| stack.contains(task)).map(|(_, place)| place.clone())
    }
}
