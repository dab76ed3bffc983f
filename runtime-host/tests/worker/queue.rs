//! The queue's own transitions, seen from outside: what is repeated after a lost answer does no harm.

use anyhow::Result;
use image2model_domain::commands::CreateOutcome;

use crate::support::Parts;

#[tokio::test]
async fn a_job_made_twice_under_one_key_is_not_taken_for_an_earlier_one() -> Result<()> {
    let parts = Parts::start().await?;
    let mut create = parts.stored(&["chair.png"])?;
    create.idempotency = Some(("key".to_owned(), "digest".to_owned()));
    assert_eq!(parts.store.run(&create).await?.outcome, CreateOutcome::Created);
    // The answer was lost and the call is repeated: whoever hears "replayed" throws its own images away.
    let again = parts.store.run(&create).await?;
    assert_eq!((again.outcome, &again.job), (CreateOutcome::Exists, &create.job));

    let mut later = parts.stored(&["chair.png"])?;
    later.idempotency.clone_from(&create.idempotency);
    let replayed = parts.store.run(&later).await?;
    assert_eq!((replayed.outcome, &replayed.job), (CreateOutcome::Replayed, &create.job));
    later.idempotency = Some(("key".to_owned(), "another digest".to_owned()));
    assert_eq!(parts.store.run(&later).await?.outcome, CreateOutcome::Conflict);
    Ok(())
}
