//! What FAL's request history is known to show. Whether it lists requests that have not ended is nowhere promised, so it is
//! learned from requests of our own, now and then, and kept in Redis for the other workers: where it does, a history that
//! steadily has no request says that none was accepted. One that runs and is listed says nothing of those that still wait, so
//! the first that is seen to wait is learned from as well: a history that does not list it is not believed any more.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::redis::{RedisError, Store};

/// How long what was learned is believed.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long before it is learned anew.
const RELEARN_AFTER: Duration = Duration::from_secs(60 * 60);

/// What the history shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryView {
    /// Not known yet.
    #[default]
    Unknown,
    /// Nothing: it may not be read with this key, or hides what requests were given.
    Blind,
    /// Requests that have ended.
    Ended,
    /// Requests that have begun to run, and none that wait.
    Started,
    /// All requests with what they were given, this long after they were sent.
    All {
        /// The longest that was seen.
        lag: Duration,
    },
}

impl HistoryView {
    /// As the heartbeat says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Blind => "blind",
            Self::Ended => "ended",
            Self::Started => "started",
            Self::All { .. } => "all",
        }
    }

    fn write(self) -> String {
        match self {
            Self::All { lag } => format!("all {}", lag.as_millis()),
            other => other.as_str().to_owned(),
        }
    }

    fn read(text: &str) -> Self {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("all", lag) => lag.parse().map_or(Self::Unknown, |ms| Self::All { lag: Duration::from_millis(ms) }),
            ("ended", _) => Self::Ended,
            ("started", _) => Self::Started,
            _ => Self::Unknown,
        }
    }
}

/// What this worker knows of it.
#[derive(Debug, Default)]
pub(super) struct Insight {
    inner: Mutex<Inner>,
    /// Whose history: what one shows says nothing of another, the simulator's least of all.
    whose: String,
}

#[derive(Debug, Default)]
struct Inner {
    view: HistoryView,
    learned: Option<Instant>,
    /// From a request that waited.
    learned_of_waiting: Option<Instant>,
    /// One request at a time is learned from.
    learning: bool,
    /// The last look that needed to know what requests were given was not told.
    hides: bool,
}

/// Between what is kept and whose it is.
const OF: &str = " of ";

impl Insight {
    /// Nothing yet, of that history.
    pub fn of(whose: String) -> Self {
        Self { whose, ..Self::default() }
    }

    /// What is kept of it, unless that is another's.
    fn kept(&self, text: &str) -> Option<HistoryView> {
        let (view, whose) = text.split_once(OF).unwrap_or((text, &self.whose));
        (whose == self.whose).then(|| HistoryView::read(view))
    }

    /// What is known.
    pub fn view(&self) -> HistoryView {
        self.inner.lock().view
    }

    /// What operators are told: a history that hides what requests were given is as good as none.
    pub fn told(&self) -> HistoryView {
        let inner = self.inner.lock();
        if inner.hides { HistoryView::Blind } else { inner.view }
    }

    /// The history did, or did not, show what requests were given.
    pub fn hides(&self, hides: bool) {
        self.inner.lock().hides = hides;
    }

    /// The history could, or could not, be read at all.
    pub fn readable(&self, readable: bool) {
        let mut inner = self.inner.lock();
        match (readable, inner.view) {
            (false, _) => *inner = Inner { view: HistoryView::Blind, learning: inner.learning, ..Inner::default() },
            (true, HistoryView::Blind) => inner.view = HistoryView::Unknown,
            _ => {}
        }
    }

    /// Begins to learn from a request, when it is time to: from one that was just sent, or is seen to wait.
    pub fn begin(&self, waits: bool) -> Option<Lesson<'_>> {
        let mut inner = self.inner.lock();
        let learned = if waits { inner.learned_of_waiting } else { inner.learned };
        let fresh = learned.is_some_and(|at| at.elapsed() < RELEARN_AFTER);
        if fresh || inner.learning || inner.view == HistoryView::Blind {
            return None;
        }
        inner.learning = true;
        Some(Lesson(self))
    }

    /// Takes over what another worker has learned: where nothing is known here, and that not all is listed which seemed to be.
    pub async fn recall(&self, store: &Store) -> Result<(), RedisError> {
        let text: Option<String> = store.query(::redis::cmd("GET").arg(store.keys().fal_history())).await?;
        let Some(theirs) = text.as_deref().and_then(|text| self.kept(text)) else { return Ok(()) };
        let mut inner = self.inner.lock();
        inner.view = match (inner.view, theirs) {
            (HistoryView::Unknown, theirs) => theirs,
            (HistoryView::All { .. }, HistoryView::Started) if inner.learned_of_waiting.is_none() => theirs,
            (ours, _) => ours,
        };
        Ok(())
    }
}

/// A request that is being learned from.
pub(super) struct Lesson<'a>(&'a Insight);

impl Lesson<'_> {
    /// What came of it; whether the request was waiting then.
    pub async fn learned(self, view: HistoryView, waiting: bool, store: &Store) {
        // Others may have seen one wait that was not listed.
        if let Err(error) = self.0.recall(store).await {
            tracing::debug!(code = error.code(), "what others have learned of the history is not known");
        }
        {
            let mut inner = self.0.inner.lock();
            inner.view = match (inner.view, view) {
                (HistoryView::All { lag: before }, HistoryView::All { lag }) => {
                    HistoryView::All { lag: lag.max(before) }
                }
                // It was known before that not even those that run are.
                (HistoryView::Ended, HistoryView::Started) => HistoryView::Ended,
                // One that runs says nothing of those that wait.
                (HistoryView::Started, HistoryView::All { .. }) if !waiting => HistoryView::Started,
                (_, view) => view,
            };
            let now = Some(Instant::now());
            inner.learned = now;
            if waiting {
                inner.learned_of_waiting = now;
            }
        }
        let view = self.0.view();
        tracing::info!(history = view.as_str(), ?view, "what FAL.AI's request history shows");
        let mut set = ::redis::cmd("SET");
        set.arg(store.keys().fal_history()).arg(view.write() + OF + &self.0.whose).arg("EX").arg(GOOD_FOR.as_secs());
        if let Err(error) = store.query::<()>(&set).await {
            tracing::debug!(code = error.code(), "what the history shows was not written down");
        }
    }
}

impl Drop for Lesson<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().learning = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_is_read_as_it_was_written() {
        for view in [HistoryView::Ended, HistoryView::Started, HistoryView::All { lag: Duration::from_millis(1500) }] {
            assert_eq!(HistoryView::read(&view.write()), view);
        }
        for other in ["", "blind", "all", "all x", "nonsense"] {
            assert_eq!(HistoryView::read(other), HistoryView::Unknown, "{other}");
        }
    }

    #[test]
    fn what_one_history_shows_is_not_believed_of_another() {
        let (ours, theirs) = (Insight::of("ours".to_owned()), Insight::of("theirs".to_owned()));
        let kept = HistoryView::Ended.write() + OF + "ours";
        assert_eq!((ours.kept(&kept), theirs.kept(&kept)), (Some(HistoryView::Ended), None));
        assert_eq!(
            theirs.kept("all 4"),
            Some(HistoryView::All { lag: Duration::from_millis(4) }),
            "as it was kept before"
        );
    }

    #[test]
    fn one_request_at_a_time_is_learned_from_and_none_where_nothing_is_to_be_seen() {
        let insight = Insight::default();
        let lesson = insight.begin(false);
        assert!(lesson.is_some() && insight.begin(false).is_none());
        drop(lesson);
        assert!(insight.begin(false).is_some());
        insight.readable(false);
        assert!(insight.begin(false).is_none());
        insight.readable(true);
        assert_eq!(insight.view(), HistoryView::Unknown);
        insight.hides(true);
        insight.readable(true);
        assert_eq!((insight.told(), insight.view()), (HistoryView::Blind, HistoryView::Unknown));
        assert!(insight.begin(false).is_some());
        insight.hides(false);
        assert_eq!(insight.told(), HistoryView::Unknown);
    }
}
