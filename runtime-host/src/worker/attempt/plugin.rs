//! Asks the provider's plugin. One that breaks down (it trapped, or cannot be loaded) is asked again: that says nothing about
//! the file.

use std::future::Future;

use super::Attempt;
use crate::fal::Backoff;
use crate::worker::end::{End, Failure, nth_delay};
use crate::worker::held::Held;
use crate::worker::provider::ProviderError;

impl Attempt<'_> {
    /// What the plugin answers; see [`patiently`].
    pub(super) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, End>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        patiently(&self.held, ask).await
    }
}

/// What the plugin answers, asked as often as a file of a result is fetched.
pub(super) async fn patiently<T, F>(held: &Held, ask: impl Fn() -> F) -> Result<T, End>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let mut backoff = Backoff::new(held.config.retry_first, held.config.retry_longest);
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        tracing::warn!(code = error.code(), kind = error.metric_label(), %error, "a provider refused or broke down");
        if !error.is_retryable() {
            return Err(refused(&error));
        }
        if backoff.failures() + 1 >= held.config.store_tries {
            // As an attempt that failed. When a request is under way, it is followed once its owner asks for that.
            let failure = Failure::new(error.code(), &error.client_message(), true);
            let retry_in = Some(nth_delay(backoff, 0, None));
            return Err(End::Failed(Failure { retry_in, ..failure }));
        }
        held.rest(backoff.next_delay(None)).await?;
    }
}

/// What a refusal means for a file: no new request is sent on its account.
fn refused(error: &ProviderError) -> End {
    if error.code() == "NO_MODEL" {
        return End::without_model(error.code(), &error.client_message());
    }
    End::failed(error.code(), &error.client_message(), error.is_retryable())
}
