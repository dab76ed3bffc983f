//! Files come from allowed hosts only, without the key, whole and bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use futures::TryStreamExt;
use image2model_host::fal::{Class, EndpointId, FalClient, FalConfig, FalError};

async fn serve(router: Router) -> Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

fn client(address: SocketAddr, max_file_bytes: u64) -> Result<FalClient> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = FalConfig::simulator(&format!("http://{address}"), "id:secret".into());
    Ok(FalClient::new(FalConfig { max_file_bytes, ..config })?)
}

async fn fetched(client: &FalClient, url: String) -> Result<usize, Option<FalError>> {
    let file = client.fetch_file(&url, None).await.map_err(Some)?;
    file.bytes.try_fold(0, |seen, chunk| async move { Ok(seen + chunk.len()) }).await.map_err(|_| None)
}

#[tokio::test]
async fn redirects_stay_within_the_allowed_hosts() -> Result<()> {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    let elsewhere = serve(Router::new().route(
        "/file",
        get(move || async move {
            counted.fetch_add(1, Ordering::Relaxed);
            "secret"
        }),
    ))
    .await?;
    let away = format!("http://{elsewhere}/file");
    let target = away.clone();
    let here = serve(
        Router::new()
            .route("/file", get(|| async { "model" }))
            .route("/near", get(|| async { Redirect::temporary("/file") }))
            .route("/away", get(move || async move { Redirect::temporary(&target) })),
    )
    .await?;
    let client = client(here, 1000)?;
    assert_eq!(fetched(&client, format!("http://{here}/near")).await.ok(), Some(5));
    for url in [format!("http://{here}/away"), away] {
        let error = fetched(&client, url).await.unwrap_err().unwrap();
        assert!(matches!(error, FalError::ForbiddenHost { .. }), "{error}");
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
    Ok(())
}

#[tokio::test]
async fn a_file_may_not_outgrow_its_bound() -> Result<()> {
    let endless = || async {
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(100)));
        axum::body::Body::from_stream(chunks)
    };
    let here =
        serve(Router::new().route("/announced", get(|| async { "x".repeat(2000) })).route("/endless", get(endless)))
            .await?;
    let client = client(here, 1000)?;
    let error = fetched(&client, format!("http://{here}/announced")).await.unwrap_err();
    assert!(matches!(error, Some(FalError::TooLarge { limit: 1000 })));
    assert!(fetched(&client, format!("http://{here}/endless")).await.unwrap_err().is_none());
    Ok(())
}

#[tokio::test]
async fn the_key_follows_no_redirect() -> Result<()> {
    let carried = Arc::new(AtomicUsize::new(0));
    let counted = carried.clone();
    let elsewhere = serve(Router::new().fallback(move |headers: HeaderMap| async move {
        counted.fetch_add(usize::from(headers.contains_key(header::AUTHORIZATION)), Ordering::Relaxed);
        StatusCode::OK
    }))
    .await?;
    let answer = move || async move {
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, format!("http://{elsewhere}/"))]).into_response()
    };
    let here = serve(Router::new().fallback(answer)).await?;
    let client = client(here, 1000)?;
    let endpoint = EndpointId::parse("fal-ai/trellis")?;
    assert_eq!(client.status(&endpoint, "r").await.unwrap_err().class(), Class::Operator);
    assert_eq!(carried.load(Ordering::Relaxed), 0);
    Ok(())
}
