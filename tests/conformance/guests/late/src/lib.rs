//! Takes a tenth of a second to start, and three to answer `late`.

use std::time::{Duration, Instant};

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

/// What an instance does when it starts, before anybody asks it anything.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(100) {}
}

#[http_service]
async fn late(_: Request) -> anyhow::Result<impl IntoResponse> {
    spin_sdk::time::sleep(Duration::from_secs(3)).await;
    Ok("late")
}
