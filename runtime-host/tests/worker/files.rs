//! Files come from allowed hosts only, without the key, whole and bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use futures::{StreamExt, TryStreamExt};
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

/// A file of ten bytes, of which each answer gives three; it changes after the first when `changing`.
async fn in_pieces(changing: bool) -> Result<(SocketAddr, Arc<AtomicUsize>)> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let piece = move |headers: HeaderMap| async move {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        let etag = if changing && nth > 0 { "\"new\"" } else { "\"old\"" };
        let range = headers
            .get(header::RANGE)
            .and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.split('-').next()?.parse::<usize>().ok());
        let same = headers.get(header::IF_RANGE).is_none_or(|tag| tag == etag);
        let from = range.filter(|_| same).unwrap_or_default();
        let rest = "0123456789".get(from..).unwrap_or_default();
        let (now, later) = rest.split_at(rest.len().min(3));
        // What breaks off at once would take its beginning with it.
        let broken = futures::stream::once(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(std::io::Error::other("broken off"))
        });
        let begun = futures::stream::iter([Ok(now)]);
        let body = if later.is_empty() { begun.boxed() } else { begun.chain(broken).boxed() };
        let mut answer = axum::body::Body::from_stream(body).into_response();
        answer.headers_mut().insert(header::ETAG, etag.parse().unwrap());
        answer.headers_mut().insert(header::CONTENT_LENGTH, rest.len().into());
        if from > 0 {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            answer.headers_mut().insert(header::CONTENT_RANGE, format!("bytes {from}-9/10").parse().unwrap());
        }
        answer
    };
    Ok((serve(Router::new().route("/file", get(piece))).await?, asked))
}

#[tokio::test]
async fn a_transfer_is_taken_up_where_it_broke_off() -> Result<()> {
    let (here, asked) = in_pieces(false).await?;
    let file = client(here, 1000)?.fetch_file(&format!("http://{here}/file"), Some(10)).await?;
    let bytes: Vec<bytes::Bytes> = file.bytes.try_collect().await?;
    assert_eq!(bytes.concat(), b"0123456789");
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    Ok(())
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_not_pieced_together() -> Result<()> {
    let (here, asked) = in_pieces(true).await?;
    assert!(fetched(&client(here, 1000)?, format!("http://{here}/file")).await.unwrap_err().is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    Ok(())
}

#[tokio::test]
async fn a_file_that_trickles_is_given_up() -> Result<()> {
    let drop_by_drop = || async {
        let drops = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        axum::body::Body::from_stream(drops)
    };
    let here = serve(Router::new().route("/file", get(drop_by_drop))).await?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = FalConfig::simulator(&format!("http://{here}"), "id:secret".into());
    let client = FalClient::new(FalConfig { file_timeout: Duration::from_millis(300), ..config })?;
    assert!(fetched(&client, format!("http://{here}/file")).await.unwrap_err().is_none());
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
