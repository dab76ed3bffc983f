//! A blob handed on to the client: ranges and conditions are the gateway's to answer, names and caching ours.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED,
};
use image2model_domain::{Problem, file_name};
use image2model_kit::{Context, Failure, Reply, blobs, reply};

/// What the client may ask of it.
const CONDITIONS: [&str; 6] =
    ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];

/// Something in the blob store, and how it is to be handed out.
pub(super) struct Served<'a> {
    pub(super) key: &'a str,
    pub(super) name: &'a str,
    pub(super) content_type: &'a str,
    /// Shown in the browser rather than saved.
    pub(super) inline: bool,
}

impl Served<'_> {
    /// The answer: 200, 206, 304, 412, 416, or 404 when it is there no more.
    pub(super) async fn answer(&self, context: &Context) -> Result<Reply, Failure> {
        let conditions: Vec<(&str, &str)> =
            CONDITIONS.iter().filter_map(|name| context.header(name).map(|value| (*name, value))).collect();
        let blob = if context.is_head() {
            blobs::head(self.key, &conditions).await?
        } else {
            blobs::get(self.key, &conditions).await?
        };
        let of_gateway =
            |name: &http::HeaderName| blob.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut answer = match blob.status.as_u16() {
            404 => return Err(Problem::new(404, "FILE_GONE", "This file is no longer kept.").into()),
            412 => return Err(Problem::plain(412, "The file is not the one that was asked for.").into()),
            416 => {
                let problem = Problem::new(416, "RANGE_NOT_SATISFIABLE", "The file has no such range.");
                return Err(problem
                    .with_header("content-range", of_gateway(&CONTENT_RANGE).unwrap_or_default())
                    .into());
            }
            304 => reply::empty(304)?,
            status => reply::stream(status, self.content_type, blob.body)?,
        };
        for name in [CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED] {
            // A 304 has no body whose length could be told.
            if let Some(value) = of_gateway(&name).filter(|_| name != CONTENT_LENGTH || blob.status != 304) {
                reply::insert(&mut answer, name.as_str(), &value);
            }
        }
        let kind = if self.inline { "inline" } else { "attachment" };
        reply::insert(&mut answer, ACCEPT_RANGES.as_str(), "bytes");
        reply::insert(&mut answer, CONTENT_DISPOSITION.as_str(), &file_name::content_disposition(kind, self.name));
        reply::insert(&mut answer, CACHE_CONTROL.as_str(), "private, no-cache");
        Ok(answer)
    }
}
