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
    pub(super) fn begin_to_learn(&self, waits: bool) -> Option<Learning<'a>> {
        let lesson = self.shared.insight.begin(waits)?;
        Some(Learning { lesson, next: Instant::now() })
    }

    /// One look at a request that has not ended, and `waits` as far as is known.
    pub(super) async fn learn(
        &self,
        request_id: &str,
        learning: Option<Learning<'a>>,
        waits: bool,
    ) -> Option<Learning<'a>> {
        let mut learning = match learning {
            Some(learning) => learning,
            // By its id alone one that was taken over could be listed later than it seems.
            None if waits && self.file.fal_request_id.is_none() => self.begin_to_learn(true)?,
            None => return None,
        };
        if Instant::now() < learning.next {
            return Some(learning);
        }
        let slow = self.held.config.poll_slow;
        learning.next = Instant::now() + slow;
        let age = u64::try_from(self.now().saturating_sub(self.intended_at)).unwrap_or_default();
        let age = Duration::from_millis(age);
        let image_url = self.intent.as_deref()?;
        let (view, waiting) = match self.look_up(image_url).await {
            Ok(Some(listed)) if listed.request_id == request_id && listed.status_code.is_none() => {
                (HistoryView::All { lag: age }, !listed.started)
            }
            // It has ended meanwhile: nothing is learned from it.
            Ok(Some(_)) => return None,
            Ok(None) if age >= slow * POLLS && waits => (HistoryView::Started, true),
            Ok(None) if age >= slow * POLLS => (HistoryView::Ended, false),
            Ok(None) | Err(_) => return Some(learning),
        };
        learning.lesson.learned(view, waiting, &self.shared.store).await;
        None
    }
}
