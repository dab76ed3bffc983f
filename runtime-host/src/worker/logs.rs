//! FAL's log lines come in a moving window, so most of them come again with every poll: each is passed on once.

use std::collections::{HashSet, VecDeque};

use crate::fal::LogLine;

/// Lines remembered; FAL's window is shorter.
const REMEMBERED: usize = 1_000;
/// Lines of one file passed on in all.
const MOST: usize = 200;
/// Longest line passed on, in characters.
const LONGEST: usize = 500;

/// What was passed on already.
#[derive(Debug, Default)]
pub(super) struct Logs {
    seen: HashSet<LogLine>,
    order: VecDeque<LogLine>,
    passed: usize,
}

impl Logs {
    /// The lines that are new, shortened.
    pub fn fresh(&mut self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let mut fresh = Vec::new();
        for line in lines {
            if self.passed < MOST && self.remember(&line) {
                self.passed += 1;
                fresh.push(LogLine { message: line.message.chars().take(LONGEST).collect(), ..line });
            }
        }
        fresh
    }

    fn remember(&mut self, line: &LogLine) -> bool {
        if line.message.trim().is_empty() || !self.seen.insert(line.clone()) {
            return false;
        }
        self.order.push_back(line.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u32, message: &str) -> LogLine {
        LogLine { timestamp: at.to_string(), message: message.to_owned(), level: "INFO".to_owned() }
    }

    #[test]
    fn a_window_that_moves_passes_each_line_once() {
        let mut logs = Logs::default();
        assert_eq!(logs.fresh(vec![line(1, "a"), line(2, "b")]).len(), 2);
        assert_eq!(logs.fresh(vec![line(2, "b"), line(3, "b")]), [line(3, "b")]);
        assert!(logs.fresh(vec![line(1, "a"), line(4, " ")]).is_empty());
        assert!(logs.fresh((10..1_000).map(|at| line(at, "x")).collect()).len() < MOST);
    }
}
