//! The two servers, each a process of its own that says where it listens.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures::Stream;
use image2model_host::ops::files;
use image2model_host::redis::{Store, Tail, TailEvent, TailMessage};
use image2model_host::stream::{Authorizer, Limits, StreamDeps, StreamFacts, Streams, Verdict};
use parking_lot::Mutex;
use tokio::sync::broadcast::{self, Sender, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::peer::announce;

/// Out of reach.
const NO_LIMIT: usize = 1_000_000;
/// Longer than any measurement.
const AGE: Duration = Duration::from_secs(3600);
/// Events that a subscriber of the peer may be behind.
const CAPACITY: usize = 1024;

/// Lets everybody in.
struct Everybody;

#[async_trait]
impl Authorizer for Everybody {
    async fn check(&self, facts: StreamFacts) -> Verdict {
        Verdict::Pass { caller: "bench".to_owned(), client_address: facts.client_address, headers: Vec::new() }
    }
}

/// The product's own stream server.
pub async fn ours(redis_url: &str) -> anyhow::Result<()> {
    let store = Store::open(redis_url)?;
    let tail = Tail::start(&store).await?;
    let (total, per_key, per_job) = (NO_LIMIT, NO_LIMIT, NO_LIMIT);
    let limits = Limits { total, per_key, per_job, max_age: AGE, ..Limits::default() };
    let streams = Streams::new(StreamDeps { store, authorizer: Arc::new(Everybody), limits });
    let (fed, news) = (streams.clone(), tail.subscribe());
    tokio::spawn(async move { fed.follow(news).await });
    let listener = announce().await?;
    let connections = files::for_clients(NO_LIMIT);
    streams.serve(listener, None, connections, CancellationToken::new(), Duration::ZERO).await;
    Ok(())
}

type Topics = Arc<Mutex<HashMap<String, Sender<Arc<TailEvent>>>>>;

/// What one writes first: a channel for each job, and axum's own events.
pub async fn peer(redis_url: &str) -> anyhow::Result<()> {
    let store = Store::open(redis_url)?;
    let tail = Tail::start(&store).await?;
    let topics = Topics::default();
    let (fed, mut news) = (topics.clone(), tail.subscribe());
    tokio::spawn(async move {
        while let Ok(message) = news.recv().await {
            if let TailMessage::Event(event) = message
                && let Some(topic) = fed.lock().get(event.job.as_str())
            {
                let _ = topic.send(event);
            }
        }
    });
    let app = Router::new().route("/api/v1/status/stream/{job}", get(listen)).with_state(topics);
    let listener = announce().await?;
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), app).await?;
    Ok(())
}

async fn listen(
    State(topics): State<Topics>,
    Path(job): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut topics = topics.lock();
    let events = topics.entry(job).or_insert_with(|| broadcast::channel(CAPACITY).0).subscribe();
    // Something at once, as ours tells the state.
    let first = Some(Event::default().data("listening"));
    let stream = futures::stream::unfold((first, events), |(first, mut events)| async move {
        if let Some(first) = first {
            return Some((Ok(first), (None, events)));
        }
        loop {
            match events.recv().await {
                Ok(event) => return Some((Ok(Event::default().id(&event.id).data(&event.data)), (None, events))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
