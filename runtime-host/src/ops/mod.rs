//! What keeps the process operable: its logs, its sign of life and its end.

pub mod files;
pub mod heartbeat;
pub mod logs;
pub mod process;
pub mod shutdown;
