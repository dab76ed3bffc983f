//! What `cargo xtask profile` counts: a little of everything that must be quick.
//!
//! What runs for each answer has to be counted far more often than what compiling a component runs, and than the bytes of
//! large bodies, or the compiler takes it for rare: hot is to it what makes up 99 % of all counts. Hence long runs of small
//! answers, and short ones of large bodies.

use std::time::Duration;

use crate::{host, status, upload};

/// For each number of connections, in a program that counts and so is a third as fast.
const SMALL: Duration = Duration::from_secs(20);
const LARGE: Duration = Duration::from_secs(1);

/// Trains; takes about four minutes.
pub async fn train() -> anyhow::Result<()> {
    host::train(SMALL, LARGE).await?;
    status::train(2 * SMALL).await?;
    upload::measure().await
}
