//! Uploads that were begun: signed upload URLs, CDN tokens, and the parts of multipart uploads.
//! Bounded: at most [`MOST_PENDING`] of each, one hour each; parts are files that go with their upload.

use super::{Description, ReceiveError, Received, Storage};
use parking_lot::Mutex;
use rand::Rng;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Most uploads or tokens open at once; beyond it the oldest is forgotten.
pub const MOST_PENDING: usize = 10_000;
/// How long an upload URL or token is good for.
pub const LIFETIME: Duration = Duration::from_secs(3600);
/// Most parts of one upload (S3's bound, which FAL's chunk numbers stay within).
pub const MOST_PARTS: u32 = 10_000;

/// An upload that was begun and may receive bytes.
#[derive(Debug)]
pub struct PendingUpload {
    /// URL path the file will have.
    pub path: String,
    /// What the file will be stored with.
    pub about: Description,
    parts: Mutex<BTreeMap<u32, Arc<Received>>>,
}

/// What a part was stored as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReceipt {
    /// From 1.
    pub number: u32,
    /// Its checksum, quoted as an HTTP ETag.
    pub etag: String,
}

/// Everything begun and not finished.
#[derive(Debug, Default)]
pub struct Uploads {
    pending: Mutex<Expiring<Arc<PendingUpload>>>,
    tokens: Mutex<Expiring<()>>,
}

impl Uploads {
    /// Begins an upload to `path`; answers the secret that its URL carries.
    pub fn begin(&self, path: String, about: Description) -> String {
        let secret = secret();
        let upload = PendingUpload { path, about, parts: Mutex::default() };
        self.pending.lock().insert(secret.clone(), Arc::new(upload));
        secret
    }

    /// The upload with this secret, if it is for `path`.
    pub fn find(&self, secret: &str, path: &str) -> Option<Arc<PendingUpload>> {
        self.pending.lock().get(secret).filter(|upload| upload.path == path)
    }

    /// Forgets a finished upload.
    pub fn finish(&self, secret: &str) {
        self.pending.lock().entries.remove(secret);
    }

    /// A new CDN token.
    pub fn issue_token(&self) -> String {
        let token = secret();
        self.tokens.lock().insert(token.clone(), ());
        token
    }

    /// Whether a CDN token is good.
    pub fn knows_token(&self, token: &str) -> bool {
        self.tokens.lock().get(token).is_some()
    }
}

impl PendingUpload {
    /// Stores one part; a repeated number replaces the earlier one.
    pub fn add_part(&self, number: u32, received: Received) -> PartReceipt {
        let receipt = PartReceipt { number, etag: etag(&received) };
        self.parts.lock().insert(number, Arc::new(received));
        receipt
    }

    /// Puts the listed parts together; `None` when one is missing or its ETag differs.
    pub async fn assemble(&self, storage: &Storage, listed: &[PartReceipt]) -> Option<Result<Received, ReceiveError>> {
        let parts: Vec<Arc<Received>> = {
            let stored = self.parts.lock();
            let same = |part: &PartReceipt| {
                let found = stored.get(&part.number)?;
                (etag(found).trim_matches('"') == part.etag.trim_matches('"')).then(|| found.clone())
            };
            listed.iter().map(same).collect::<Option<_>>()?
        };
        Some(Received::joined(storage.incoming(), &parts, storage.max_file_bytes()).await)
    }
}

fn etag(part: &Received) -> String {
    format!("\"{}\"", part.sha256.get(..32).unwrap_or_default())
}

fn secret() -> String {
    let mut random = rand::rng();
    hex::encode(std::array::from_fn::<u8, 24, _>(|_| random.random()))
}

/// Entries by secret that are forgotten after [`LIFETIME`].
#[derive(Debug)]
struct Expiring<T> {
    entries: HashMap<String, (Instant, T)>,
}

impl<T> Default for Expiring<T> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<T: Clone> Expiring<T> {
    fn insert(&mut self, secret: String, entry: T) {
        if self.entries.len() >= MOST_PENDING {
            self.entries.retain(|_, (since, _)| since.elapsed() < LIFETIME);
            let oldest = self.entries.iter().min_by_key(|(_, (since, _))| *since).map(|(secret, _)| secret.clone());
            if let Some(oldest) = oldest.filter(|_| self.entries.len() >= MOST_PENDING) {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(secret, (Instant::now(), entry));
    }

    fn get(&self, secret: &str) -> Option<T> {
        let (since, entry) = self.entries.get(secret)?;
        (since.elapsed() < LIFETIME).then(|| entry.clone())
    }
}
