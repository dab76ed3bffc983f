//! Submits under way: a stopping worker waits for their answers, since a request whose answer nobody hears has to be looked
//! up by somebody else.

use tokio::sync::watch;

/// How many there are.
#[derive(Debug)]
pub(super) struct Submits(watch::Sender<usize>);

impl Default for Submits {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Submits {
    /// One more, until the answer is dropped.
    pub fn begin(&self) -> UnderWay<'_> {
        self.0.send_modify(|count| *count += 1);
        UnderWay(&self.0)
    }

    /// Waits until there is none.
    pub async fn none(&self) {
        // The sender is ours, so waiting does not fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A submit under way.
pub(super) struct UnderWay<'a>(&'a watch::Sender<usize>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
