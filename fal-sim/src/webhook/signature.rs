//! ED25519 signatures of webhooks, as FAL makes them, and the key set to check them with.
//! Message: request id, user id, unix seconds and the hex SHA-256 of the body, joined by newlines.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use rand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Signs with one key, made when the simulator starts.
pub struct Signer(SigningKey);

impl Signer {
    /// A fresh key.
    pub fn generate() -> Self {
        Self::from_seed(rand::rng().random())
    }

    fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The JSON Web Key Set that verifies our signatures.
    pub fn jwks(&self) -> Value {
        let key = self.0.verifying_key();
        let kid = hex::encode(Sha256::digest(key.as_bytes())).chars().take(16).collect::<String>();
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.as_bytes()), "kid": kid}]})
    }

    /// The four headers of a delivery made now; `owner` is the id of the key that submitted.
    pub fn headers(&self, request_id: &str, owner: &str, body: &[u8]) -> [(&'static str, String); 4] {
        let user = format!("user_{}", hex::encode(Sha256::digest(owner)).chars().take(16).collect::<String>());
        self.headers_at(request_id, &user, chrono::Utc::now().timestamp(), body)
    }

    fn headers_at(&self, request_id: &str, user: &str, at: i64, body: &[u8]) -> [(&'static str, String); 4] {
        let message = format!("{request_id}\n{user}\n{at}\n{}", hex::encode(Sha256::digest(body)));
        let signature = self.0.sign(message.as_bytes());
        [
            ("x-fal-webhook-request-id", request_id.to_owned()),
            ("x-fal-webhook-user-id", user.to_owned()),
            ("x-fal-webhook-timestamp", at.to_string()),
            ("x-fal-webhook-signature", hex::encode(signature.to_bytes())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector made with another implementation: the seed is 32 times 0x07.
    #[test]
    fn signs_as_the_known_vector() {
        let signer = Signer::from_seed([7; 32]);
        let id = "123e4567-e89b-12d3-a456-426614174000";
        let body =
            format!(r#"{{"request_id":"{id}","gateway_request_id":"{id}","status":"OK","payload":{{"task_id":"t"}}}}"#);
        let [.., (_, signature)] = signer.headers_at(id, "user_sim", 1_790_000_000, body.as_bytes());
        assert_eq!(
            signature,
            "06fb2a8e14250a7a722f9dc65eef376e0ac5760856432535b269a8473634fbe9\
             f06b2d37e8835e69326fc2a4474b3589fbdcc0e40e5c5879ac47d14115f8580d"
        );
        assert_eq!(signer.jwks()["keys"][0]["x"], "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw");
    }
}
