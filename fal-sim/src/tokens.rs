//! Tokens for browsers (`POST /tokens/`): a short-lived stand-in for a key, good for some applications only.
//! Bounded: at most [`MOST`], the oldest forgotten first. They are opaque here, JWTs at FAL.

use parking_lot::Mutex;
use rand::Rng;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Most tokens remembered.
const MOST: usize = 1_000;

/// Tokens that were issued.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<VecDeque<Token>>);

#[derive(Debug)]
struct Token {
    text: String,
    owner: String,
    applications: Vec<String>,
    expires: Instant,
}

impl Tokens {
    /// A token of `owner` for applications by alias, as long as it shall live.
    pub fn issue(&self, owner: String, applications: Vec<String>, lifetime: Duration) -> String {
        let mut random = rand::rng();
        let mut part = |bytes: usize| hex::encode((0..bytes).map(|_| random.random()).collect::<Vec<u8>>());
        let text = format!("{}.{}.{}", part(9), part(24), part(32));
        let mut tokens = self.0.lock();
        tokens.truncate(MOST - 1);
        tokens.push_front(Token { text: text.clone(), owner, applications, expires: Instant::now() + lifetime });
        text
    }

    /// The key id that `token` stands for on this path (`owner/alias/…`).
    pub fn owner(&self, token: &str, path: &str) -> Option<String> {
        let alias = path.split('/').nth(1)?;
        let tokens = self.0.lock();
        let good = |known: &&Token| {
            known.text == token && known.expires > Instant::now() && known.applications.iter().any(|app| app == alias)
        };
        tokens.iter().find(good).map(|token| token.owner.clone())
    }
}
