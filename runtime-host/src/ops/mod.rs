//! What keeps the process operable: its logs and its end.

pub mod logs;
pub mod shutdown;
