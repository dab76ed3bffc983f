//! `GET /download/{job_id}/all`: the list of results, or all of them in one ZIP.

use image2model_domain::Problem;
use image2model_kit::{Context, Failure, Reply, reply};

use super::{pack, sizes};
use crate::results;

/// The two forms, the usual one first.
const FORMS: [&str; 2] = ["application/json", "application/zip"];

/// The list, unless a ZIP is asked for by `?format=zip` or preferred in `Accept`.
pub(super) async fn all(context: Context) -> Result<Reply, Failure> {
    let job = super::job(&context).await?;
    let form = match context.query.get("format") {
        Some("zip") => "application/zip",
        Some("json") => "application/json",
        Some(_) => return Err(Problem::new(400, "VALIDATION_ERROR", "format must be zip or json.").into()),
        None => context.prefers(&FORMS),
    };
    let mut answer = if form == "application/zip" {
        pack::zip(&context, &job).await?
    } else {
        let models = results::models(&job);
        let sizes = sizes::recorded(&models).await;
        reply::json_with_etag(&context, &results::list(&job, &models, &sizes))?
    };
    reply::append(&mut answer, "vary", "accept");
    Ok(answer)
}
