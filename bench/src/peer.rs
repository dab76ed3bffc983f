//! The native peers: an axum server that makes the same two Redis calls as the status route, and a hyper server that
//! writes the same uploaded bytes to disk. Each is a process of its own, so that it has its own share of the machine.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use image2model_domain::commands::{Admit, Allowance, ReadJob};
use image2model_domain::{JobId, view};
use image2model_host::redis::Store;
use image2model_tests::process::Process;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Serves the status route natively and prints `peer ready: ADDRESS`.
pub async fn status(redis_url: &str) -> anyhow::Result<()> {
    let store = Store::open(redis_url)?;
    let app = Router::new().route("/api/v1/status/{job}", get(move |path| answer(store.clone(), path)));
    let listener = announce().await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn answer(store: Store, Path(job): Path<String>) -> Response {
    let allowances = ["minute", "hour"].map(|window| Allowance {
        key: format!("rate_limit:peer:{window}"),
        limit: u32::MAX,
        window_ms: 60_000,
    });
    let Ok(job) = JobId::parse(&job) else { return StatusCode::NOT_FOUND.into_response() };
    let admitted = store.run(&Admit { allowances: &allowances, job: Some(&job) }).await;
    let record = store.run(&ReadJob(&job)).await;
    match (admitted, record) {
        (Ok(_), Ok(Some(record))) => axum::Json(view::status(&record)).into_response(),
        (Ok(_), Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Writes every request's body to a file of its own and prints `peer ready: ADDRESS`.
pub async fn upload(folder: PathBuf) -> anyhow::Result<()> {
    let listener = announce().await?;
    let count = Arc::new(AtomicU64::new(0));
    loop {
        let (socket, _) = listener.accept().await?;
        let (folder, count) = (folder.clone(), count.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let path = folder.join(count.fetch_add(1, Ordering::Relaxed).to_string());
                async move {
                    Ok::<_, Infallible>(hyper::Response::new(Full::<bytes::Bytes>::from(
                        write(path, request.into_body()).await,
                    )))
                }
            });
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await
        });
    }
}

async fn write(path: PathBuf, mut body: Incoming) -> &'static str {
    let Ok(mut file) = tokio::fs::File::create(path).await else { return "no file" };
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref()
            && file.write_all(data).await.is_err()
        {
            return "not written";
        }
    }
    if file.flush().await.is_ok() { "written" } else { "not written" }
}

/// Starts this program once more in another role, and answers where it listens.
pub fn start(role: &str, arguments: &[&str]) -> anyhow::Result<(Process, String)> {
    let mut process = Process::start(Command::new(std::env::current_exe()?).arg(role).args(arguments))?;
    let address = process.wait_for("peer ready: ")?;
    Ok((process, address))
}

/// Listens, and says where.
pub async fn announce() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("peer ready: {}", listener.local_addr()?);
    Ok(listener)
}
