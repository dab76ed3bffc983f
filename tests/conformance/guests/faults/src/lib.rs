//! Misbehaves as the path says: `/trap`, `/loop`, `/memory`, `/error`, `/print`. Anything else answers `fine`.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

#[http_service]
async fn fault(request: Request) -> anyhow::Result<impl IntoResponse> {
    match request.uri().path() {
        "/trap" => std::process::abort(),
        "/loop" => loop {
            std::hint::black_box(0);
        },
        "/memory" => {
            let mut held = Vec::new();
            loop {
                held.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "/error" => anyhow::bail!("secret inside"),
        "/print" => (0..1000).for_each(|_| print!("{}", "x".repeat(1000))),
        _ => {}
    }
    Ok("fine")
}
