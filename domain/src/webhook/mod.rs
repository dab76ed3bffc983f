//! Webhooks: which URLs may be called, what a delivery is signed with, and how.
//!
//! Deliveries follow Standard Webhooks (standardwebhooks.com), so that its libraries verify them.

mod address;
mod body;
mod signature;
mod url;

pub use address::is_public;
pub use body::body;
pub use signature::{SECRET_PREFIX, secret_from_bits, secret_of, sign};
pub use url::{AllowedHosts, InvalidWebhookUrl, MAX_URL, WebhookUrl};
