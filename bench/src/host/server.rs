//! The two servers that the bench is itself: this host with nothing but the components that are measured, and what one
//! would write natively for the same answers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use futures::StreamExt;
use image2model_host::busy_poll;
use image2model_host::edge::swap::fetch::Logins;
use image2model_host::edge::{Edge, EdgeOptions, NoRoutes, ServeOptions};
use image2model_tests::product::image2model;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::peer::announce;

/// Serves a manifest with this host.
pub async fn edge(manifest: PathBuf, redis_url: &str, instances: Option<u32>) -> anyhow::Result<()> {
    busy_poll::start(None);
    let usual = ServeOptions::default();
    let serve = ServeOptions { instances: instances.unwrap_or(usual.instances), ..usual };
    let cache = manifest.parent().context("a manifest in no folder")?.join("cache");
    let options = EdgeOptions {
        manifest_path: manifest,
        variables: HashMap::from([("redis_url".to_owned(), redis_url.to_owned())]),
        profile: None,
        key_value: None,
        authorities: None,
        logins: Logins::default(),
        cache_dir: Some(cache),
        compiler: Some(image2model()?.get_program().into()),
        serve,
    };
    let edge = tokio::task::spawn_blocking(move || Edge::load(options)).await??;
    // What counts how it is used writes that down when it ends by itself.
    let shutdown = CancellationToken::new();
    let mut told = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    tokio::spawn(async move {
        told.recv().await;
        stop.cancel();
    });
    Arc::new(edge).serve(announce().await?, Arc::new(NoRoutes), shutdown).await;
    Ok(())
}

/// The same routes in axum.
pub async fn native(redis_url: &str) -> anyhow::Result<()> {
    let redis = redis::Client::open(redis_url)?.get_multiplexed_async_connection().await?;
    let app = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/get/{key}", get(read))
        .route("/echo", post(async |body: Body| body))
        .route("/count", post(count))
        .with_state(redis);
    let listener = axum::serve::ListenerExt::tap_io(announce().await?, |stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app).await?;
    Ok(())
}

async fn read(State(mut redis): State<MultiplexedConnection>, Path(key): Path<String>) -> String {
    match redis.get::<_, Option<String>>(key).await {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error: {error}"),
    }
}

async fn count(body: Body) -> String {
    let mut body = body.into_data_stream();
    let mut bytes = 0;
    while let Some(Ok(chunk)) = body.next().await {
        bytes += chunk.len();
    }
    bytes.to_string()
}
