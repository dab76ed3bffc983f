//! Whether FAL answers at all: asked without the key, so that nothing is counted or paid.

use std::time::Duration;

use super::client::FalClient;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(1);

impl FalClient {
    /// Any answer but a server's error will do: without a path the queue has nothing to say.
    pub async fn reachable(&self) -> bool {
        let answer = self.files.head(&self.config.queue_url).timeout(PATIENCE).send().await;
        answer.is_ok_and(|response| !response.status().is_server_error())
    }
}
