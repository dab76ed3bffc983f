//! How jobs stand: the fields of every status, in whose words, and news as soon as there is some.

mod fields;
mod news;
mod streams;
mod tasks;

use image2model_tests::client::Upload;
use image2model_tests::photo;
use reqwest::Response;

/// A small photograph under this name.
fn photograph(name: &str, seed: u32) -> Upload {
    Upload::new(name, photo::jpeg(160, 120, seed).unwrap())
}

/// A header's text; empty when it is not there.
fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
