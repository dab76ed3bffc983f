//! Tasks: files as the queue has them, what Flower showed of Celery's.

pub(crate) mod cancel;
pub(crate) mod dead_letters;
pub(crate) mod list;
