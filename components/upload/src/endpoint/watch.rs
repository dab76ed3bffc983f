//! Watches over a body while it is read: looks at the clock several times a second, and only as long as the upload lasts.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use image2model_kit::clock;

use crate::intake::{Patience, Watch};

const TICK: Duration = Duration::from_millis(250);

/// Does the work that reads the body; when the client of the body is too slow, the body ends with an error and the work
/// goes on with that.
pub(super) async fn watched<T>(work: impl Future<Output = T>, watch: Watch, patience: Duration) -> T {
    match select(pin!(work), pin!(until_too_slow(&watch, patience))).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), work)) => {
            watch.cut();
            work.await
        }
    }
}

async fn until_too_slow(watch: &Watch, patience: Duration) {
    let mut patience = Patience::new(patience);
    loop {
        clock::sleep(TICK).await;
        if patience.runs_out(TICK, watch.is_waiting(), watch.received()) {
            return;
        }
    }
}
