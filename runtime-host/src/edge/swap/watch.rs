//! `--watch`: when a component's file changes on disk, it is exchanged here as a swap would do it. Another release that
//! the fleet serves in its place stays. For whoever builds components; a fleet follows Redis.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use image2model_domain::rollout::LARGEST_COMPONENT;
use tokio_util::sync::CancellationToken;

use super::Switch;
use super::prepare::Refusal;
use crate::edge::EdgeError;
use crate::edge::sources::Code;

/// Between two looks. A file that changed is read when it has not changed since the look before.
const EVERY: Duration = Duration::from_millis(300);

/// What tells that a file is another one.
type Mark = (SystemTime, u64);

/// See the module.
pub struct Watcher {
    switch: Arc<Switch>,
    known: HashMap<PathBuf, Option<Mark>>,
    moved: HashMap<PathBuf, Option<Mark>>,
}

impl Watcher {
    pub(in crate::edge) fn new(switch: Arc<Switch>) -> Self {
        let paths: Vec<PathBuf> = switch.state.lock().sources.paths().map(|(path, _)| path.to_owned()).collect();
        let known = paths.into_iter().map(|path| (path.clone(), mark(&path))).collect();
        Self { switch, known, moved: HashMap::new() }
    }

    /// Watches until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            for path in self.settled() {
                self.exchange(&path).await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Files that have become others and are complete.
    fn settled(&mut self) -> Vec<PathBuf> {
        let mut settled = Vec::new();
        for (path, known) in &mut self.known {
            let now = mark(path);
            if now == *known {
                continue;
            }
            if now.is_some() && self.moved.insert(path.clone(), now) == Some(now) {
                *known = now;
                settled.push(path.clone());
            }
        }
        settled
    }

    async fn exchange(&self, path: &Path) {
        let read = tokio::fs::read(path).await;
        let Ok(bytes) = read.inspect_err(|error| tracing::warn!(path = %path.display(), %error, "cannot be read"))
        else {
            return;
        };
        if bytes.len() > LARGEST_COMPONENT {
            tracing::warn!(path = %path.display(), "too large for a component, not exchanged");
            return;
        }
        match self.switch.clone().take_file(path, Code::new(bytes)).await {
            Ok(true) => tracing::info!(path = %path.display(), "component exchanged"),
            Ok(false) => {}
            Err(refusal) => {
                let code = refusal.code();
                tracing::error!(path = %path.display(), code, error = %refusal, "component not exchanged, the old one goes on");
            }
        }
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let facts = std::fs::metadata(path).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

impl Switch {
    /// Serves another content of a file of the manifest. Whether it is another.
    pub(super) async fn take_file(self: Arc<Self>, path: &Path, code: Code) -> Result<bool, Refusal> {
        let known = self.state.lock().sources.paths().any(|(known, digest)| known == path && *digest == *code.digest);
        if known {
            return Ok(false);
        }
        let of_file = |component: &&crate::edge::manifest::Component| component.source.file() == Some(path);
        let ids: Vec<String> =
            self.loaded.application.components.values().filter(of_file).map(|component| component.id.clone()).collect();
        for id in &ids {
            self.prepare(id, code.clone(), false).await?;
        }
        let (switch, path) = (self.clone(), path.to_owned());
        let served = tokio::task::spawn_blocking(move || {
            let _changing = switch.changing.lock();
            switch.state.lock().sources.put(&path, code);
            switch.serve()
        });
        let errors = served.await.map_err(|_| EdgeError::Engine("the compiler panicked".into()))?;
        self.ready_previous();
        match errors.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(true),
        }
    }
}
