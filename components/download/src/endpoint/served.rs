//! Something kept, handed on to the client: ranges and conditions are its store's to answer, names and caching ours.

use http::Method;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED,
};
use image2model_domain::{Problem, file_name};
use image2model_kit::blobs::{self, Blob, BlobError};
use image2model_kit::{Context, Failure, Reply, reply};

use crate::results::Place;

/// What the client may ask of it.
const CONDITIONS: [&str; 6] =
    ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
/// What its store tells of it.
const TOLD: [http::HeaderName; 4] = [CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED];

/// How something is to be handed out.
pub(super) struct Served<'a> {
    pub(super) name: &'a str,
    pub(super) content_type: &'a str,
    /// Shown in the browser rather than saved.
    pub(super) inline: bool,
}

/// Asks the store that has it.
pub(super) async fn open(place: &Place, method: Method, headers: &[(&str, &str)]) -> Result<Blob, BlobError> {
    match place {
        Place::Here(key) if method == Method::HEAD => blobs::head(key, headers).await,
        Place::Here(key) => blobs::get(key, headers).await,
        Place::Elsewhere(url) => blobs::elsewhere(method, url, headers).await,
    }
}

impl Served<'_> {
    /// The answer: 200, 206, 304, 412 or 416; `None` when it is not there any more.
    pub(super) async fn answer(&self, context: &Context, place: &Place) -> Result<Option<Reply>, Failure> {
        let values = |name: &'static str| {
            context.headers.get_all(name).iter().filter_map(move |value| Some((name, value.to_str().ok()?)))
        };
        let conditions: Vec<(&str, &str)> = CONDITIONS.into_iter().flat_map(values).collect();
        let method = if context.is_head() { Method::HEAD } else { Method::GET };
        let blob = open(place, method, &conditions).await?;
        if blob.status == 404 {
            return Ok(None);
        }
        self.hand_on(blob).map(Some)
    }

    fn hand_on(&self, blob: Blob) -> Result<Reply, Failure> {
        let of_store =
            |name: &http::HeaderName| blob.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let told: Vec<(http::HeaderName, String)> =
            TOLD.into_iter().filter_map(|name| of_store(&name).map(|value| (name, value))).collect();
        let mut answer = match blob.status.as_u16() {
            412 => return Err(Problem::plain(412, "The file is not the version that was asked for.").into()),
            416 => {
                let problem = Problem::new(416, "RANGE_NOT_SATISFIABLE", "The file has no such range.");
                return Err(problem.with_header("content-range", of_store(&CONTENT_RANGE).unwrap_or_default()).into());
            }
            304 => reply::empty(304)?,
            status => reply::stream(status, self.content_type, blob.body)?,
        };
        for (name, value) in told {
            // A 304 has no body whose length could be told.
            if name != CONTENT_LENGTH || answer.status() != 304 {
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
