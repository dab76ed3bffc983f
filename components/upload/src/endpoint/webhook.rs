//! A client's `webhook_url`: judged here, called by the host when the job has ended.

use image2model_domain::Problem;
use image2model_domain::webhook::{AllowedHosts, WebhookUrl, secret_from_bits, secret_of};
use image2model_kit::{Context, Failure, config, random_bits};
use serde_json::json;

/// The URL and the secret that signs its calls. Refused when it may not be called.
pub(super) async fn accepted(context: &Context, url: Option<&str>) -> Result<Option<(String, String)>, Failure> {
    let Some(url) = url else { return Ok(None) };
    let allowed = config::list("webhook_allowed_hosts").await?;
    let allowed = AllowedHosts::new(allowed.iter().map(String::as_str));
    let url = WebhookUrl::parse(url, &allowed).map_err(|why| {
        let problem = Problem::new(422, "VALIDATION_ERROR", format!("webhook_url: {why}"));
        problem.with_details(json!({ "field": "webhook_url" }))
    })?;
    let secret = match config::signing_secret().await? {
        None => secret_from_bits(&[random_bits(), random_bits()].concat()),
        Some(signing) => secret_of(&signing, &context.caller),
    };
    Ok(Some((url.as_str().to_owned(), secret)))
}
