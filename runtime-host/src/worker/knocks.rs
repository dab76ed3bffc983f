//! Who is to be woken when FAL tells that a request has ended.

use std::collections::HashMap;
use std::sync::Arc;

use image2model_domain::FileId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The files that are followed here.
#[derive(Debug, Default)]
pub(super) struct Knocks(Mutex<HashMap<FileId, Arc<Notify>>>);

impl Knocks {
    /// Listens for news of a file until the answer is dropped. News that come between two waits are not lost.
    pub fn listen(&self, file: &FileId) -> Listener<'_> {
        let notify = Arc::new(Notify::new());
        self.0.lock().insert(file.clone(), notify.clone());
        Listener { knocks: self, file: file.clone(), notify }
    }

    /// There is news of a file.
    pub fn knock(&self, file: &FileId) {
        if let Some(notify) = self.0.lock().get(file) {
            notify.notify_one();
        }
    }
}

/// Hears of one file.
pub(super) struct Listener<'a> {
    knocks: &'a Knocks,
    file: FileId,
    notify: Arc<Notify>,
}

impl Listener<'_> {
    /// Waits for news.
    pub async fn news(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let mut files = self.knocks.0.lock();
        // A later hold on the same file has a listener of its own.
        if files.get(&self.file).is_some_and(|known| Arc::ptr_eq(known, &self.notify)) {
            files.remove(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_wake_whoever_listens_and_wait_for_who_comes_later() {
        let (knocks, file) = (Knocks::default(), FileId::from_random([1; 16]));
        knocks.knock(&file);
        let first = knocks.listen(&file);
        let second = knocks.listen(&file);
        drop(first);
        knocks.knock(&file);
        second.news().await;
        drop(second);
        assert!(knocks.0.lock().is_empty());
    }
}
