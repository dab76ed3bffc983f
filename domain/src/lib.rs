//! The vocabulary both sides share: ids, job and file states, records, events, problems, Redis keys and scripts.
//!
//! No I/O happens here and nothing of ours is imported, so that components (wasm32-wasip2) and the runtime host (native)
//! mean the same thing by the same word.

pub mod accept;
pub mod access_token;
pub mod api_key;
pub mod bearer;
pub mod browser_headers;
pub mod browser_session;
pub mod client_address;
pub mod commands;
pub mod counters;
pub mod digest;
pub mod event;
pub mod file_name;
pub mod ids;
pub mod keys;
pub mod log;
pub mod meter;
pub mod number;
pub mod options;
pub mod problem;
pub mod queue;
pub mod record;
pub mod request_id;
pub mod rollout;
pub mod script;
pub mod share_token;
pub mod state;
pub mod time;
pub mod trace;
pub mod view;
pub mod webhook;
pub mod yes_or_no;

pub use ids::{FileId, JobId};
pub use keys::Keyspace;
pub use problem::Problem;
pub use state::{FileStatus, JobStatus};
