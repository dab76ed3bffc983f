//! `GET /download/{job_id}/all`: the list of results, or all of them in one ZIP.

use image2model_domain::Problem;
use image2model_kit::{Context, Failure, Reply, reply};

use super::pack;
use crate::results;

/// The list, unless a ZIP is asked for by `?format=zip` or `Accept: application/zip`.
pub(super) async fn all(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let zip = match context.query.get("format") {
        Some("zip") => true,
        Some("json") => false,
        Some(_) => return Err(Problem::new(400, "VALIDATION_ERROR", "format must be zip or json.").into()),
        None => context.accepts("application/zip"),
    };
    if zip { pack::zip(&context, &job).await } else { reply::json_with_etag(&context, &results::list(&job)) }
}
