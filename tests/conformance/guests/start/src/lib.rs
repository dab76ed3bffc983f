//! Computes for a while before an instance of it can be asked anything; each answer takes a while too.

use std::time::Duration;

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

/// Called when a component is instantiated, before anything of it can be.
#[unsafe(export_name = "_initialize")]
extern "C" fn compute() {
    let _ = (0..900_000_000).fold(0, |sum: u64, step| std::hint::black_box(sum ^ step));
}

#[http_service]
async fn started(_: Request) -> anyhow::Result<impl IntoResponse> {
    spin_sdk::time::sleep(Duration::from_millis(300)).await;
    Ok("started")
}
