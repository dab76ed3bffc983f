//! A job's status: one shape for every route that asks for it.

use image2model_domain::view;
use image2model_kit::{Context, Failure, Reply};

use crate::wait;

/// Answers the job's status.
pub(crate) async fn status(context: Context) -> Result<Reply, Failure> {
    wait::answer(&context, &context.job()?, view::status).await
}
