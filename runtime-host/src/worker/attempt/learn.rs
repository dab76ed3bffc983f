//! Learns from a request of our own, while it has not ended, whether FAL's history lists such requests (`insight.rs`). It is
//! looked for as one whose id is not known: by its image, since a history may list what runs without what it was given.

use std::time::Duration;

use tokio::time::Instant;

use super::Attempt;
use crate::worker::insight::{HistoryView, Lesson};

/// A request that is not listed after so many slow polls' time is not going to be before it ends.
const POLLS: u32 = 10;

/// A lesson under way.
pub(super) struct Learning<'a> {
    lesson: Lesson<'a>,
    next: Instant,
}

impl<'a> Attempt<'a> {
    /// Begins a lesson, when it is time to.
    pub(super) fn begin_to_learn(&self) -> Option<Learning<'a>> {
        let lesson = self.shared.insight.begin()?;
        Some(Learning { lesson, next: Instant::now() })
    }

    /// One look at a request that has not ended.
    pub(super) async fn learn(&self, request_id: &str, learning: Option<Learning<'a>>) -> Option<Learning<'a>> {
        let mut learning = learning?;
        if Instant::now() < learning.next {
            return Some(learning);
        }
        let slow = self.held.config.poll_slow;
        learning.next = Instant::now() + slow;
        let age = u64::try_from(self.now().saturating_sub(self.intended_at)).unwrap_or_default();
        let age = Duration::from_millis(age);
        let image_url = self.intent.as_deref()?;
        let view = match self.look_up(image_url).await {
            Ok(Some(listed)) if listed.request_id == request_id && listed.status_code.is_none() => {
                HistoryView::All { lag: age }
            }
            // It has ended meanwhile: nothing is learned from it.
            Ok(Some(_)) => return None,
            Ok(None) if age >= slow * POLLS => HistoryView::Ended,
            Ok(None) | Err(_) => return Some(learning),
        };
        learning.lesson.learned(view, &self.shared.store).await;
        None
    }
}
