//! The owner's job, and what callers of every kind present to reach it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use image2model_domain::{JobId, access_token, share_token};
use image2model_tests::client::{Upload, session_of, text};
use image2model_tests::{Client, Fleet, photo};
use reqwest::Method;
use serde_json::{Value, json};

use super::callers::Caller;

pub const ADMIN: &str = "the-admins-key-0123456789";
const TOKEN_SECRET: &str = "the-token-secret-of-the-fleet";

/// The owner's job, and what the callers present.
pub struct Scene {
    pub job: String,
    pub task: String,
    pub file: String,
    pub file_task: String,
    name: String,
    owner: String,
    other: String,
    issued_admin: String,
    revoked: String,
    expired: String,
    good_token: String,
    expired_token: String,
    token_of_another_job: String,
    shared_link: String,
    expired_link: String,
    withdrawn_link: String,
    owners_session: String,
    others_session: String,
    revoked_session: String,
}

impl Scene {
    pub fn filled(&self, text: &str) -> String {
        let pairs = [
            ("{job}", &self.job),
            ("{task}", &self.task),
            ("{file}", &self.file),
            ("{file_task}", &self.file_task),
            ("{name}", &self.name),
        ];
        pairs.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// The `Authorization` header and the access token that a caller sends.
    pub fn credentials(&self, caller: Caller) -> (Option<String>, Option<String>) {
        let bearer = |key: &str| Some(format!("Bearer {key}"));
        match caller {
            Caller::OwnerKey => (bearer(&self.owner), None),
            Caller::OtherKey => (bearer(&self.other), None),
            Caller::NoKey => (None, None),
            Caller::Admin => (bearer(ADMIN), None),
            Caller::IssuedAdmin => (bearer(&self.issued_admin), None),
            Caller::ExpiredToken => (None, Some(self.expired_token.clone())),
            Caller::GoodToken => (None, Some(self.good_token.clone())),
            Caller::TokenOfAnotherJob => (None, Some(self.token_of_another_job.clone())),
            Caller::ForgedToken => (None, Some(self.good_token.replacen('.', ".0", 1))),
            Caller::SharedLink => (None, Some(self.shared_link.clone())),
            Caller::ExpiredLink => (None, Some(self.expired_link.clone())),
            Caller::WithdrawnLink => (None, Some(self.withdrawn_link.clone())),
            Caller::ForgedLink => (None, Some(self.shared_link.replacen('.', ".0", 1))),
            Caller::RevokedKey => (bearer(&self.revoked), None),
            Caller::ExpiredKey => (bearer(&self.expired), None),
            Caller::WrongKey => (bearer("a-key-that-nobody-has"), None),
            Caller::NotBearer => (Some("Basic b3duZXI6a2V5".to_owned()), None),
            Caller::OtherKeyWithGoodToken => (bearer(&self.other), Some(self.good_token.clone())),
            Caller::OwnerSession
            | Caller::OtherSession
            | Caller::SessionFromElsewhere
            | Caller::SessionOfRevokedKey => (None, None),
        }
    }

    /// The cookie that a caller's browser sends, and how it says its page stands to the service.
    pub fn session(&self, caller: Caller) -> Option<(&str, &'static str)> {
        match caller {
            Caller::OwnerSession => Some((&self.owners_session, "same-origin")),
            Caller::OtherSession => Some((&self.others_session, "same-origin")),
            Caller::SessionFromElsewhere => Some((&self.owners_session, "same-site")),
            Caller::SessionOfRevokedKey => Some((&self.revoked_session, "same-origin")),
            _ => None,
        }
    }
}

pub async fn issue(admin: &Client, body: Value) -> Value {
    let answer = admin.request(Method::POST, "/api/v1/admin/keys").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

/// A finished job of the caller.
async fn job_of(client: &Client, name: &str) -> Value {
    let job = client.upload(&[Upload::new(name, photo::jpeg(200, 150, 1).unwrap())], &[]).await.unwrap();
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
    job
}

/// The token of a fresh link to the job.
async fn share(owner: &Client, job: &Value) -> String {
    let path = format!("/api/v1/jobs/{}/share", text(job, "job_id"));
    let answer = owner.request(Method::POST, &path).json(&json!({ "expires_in_seconds": 600 })).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    text(&answer.json().await.unwrap(), "access_token").to_owned()
}

async fn withdraw(owner: &Client, job: &Value) {
    let path = format!("/api/v1/jobs/{}/share", text(job, "job_id"));
    assert_eq!(owner.request(Method::DELETE, &path).send().await.unwrap().status(), 200);
}

pub fn fleet() -> Fleet {
    let setup = Fleet::setup().with("ENVIRONMENT", "production").with("ADMIN_API_KEY", ADMIN);
    let setup = setup.with("TRUSTED_PROXIES", "127.0.0.1");
    let mut fleet = setup.with("JOB_ACCESS", "open").start().unwrap();
    fleet.add("serve", &[("JOB_ACCESS", "owner")]).unwrap();
    fleet
}

pub async fn scene(fleet: &mut Fleet) -> Scene {
    let host = &fleet.hosts()[0];
    let admin = host.client(Some(ADMIN)).unwrap();
    let key = async |body: Value| text(&issue(&admin, body).await, "key").to_owned();
    let (owner, other) = (key(json!({ "name": "owner" })).await, key(json!({ "name": "other" })).await);
    let issued_admin = key(json!({ "name": "admin", "role": "admin" })).await;
    let expired = issue(&admin, json!({ "name": "expired", "expires_in_seconds": 60 })).await;
    let revoked = issue(&admin, json!({ "name": "revoked" })).await;
    let revoked_session = session_of(&host.client(Some(text(&revoked, "key"))).unwrap()).await.unwrap();
    let gone = admin.request(Method::DELETE, &format!("/api/v1/admin/keys/{}", text(&revoked, "id"))).send().await;
    assert_eq!(gone.unwrap().status(), 200);
    let as_owner = host.client(Some(&owner)).unwrap();
    let (job, another) = (job_of(&as_owner, "chair.jpg").await, job_of(&as_owner, "vase.jpg").await);
    let withdrawn_link = share(&as_owner, &job).await;
    withdraw(&as_owner, &job).await;
    let status = as_owner.json(&format!("/api/v1/download/{}/all", text(&job, "job_id"))).await.unwrap();
    let id = JobId::parse(text(&job, "job_id")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let a_minute_ago = now.saturating_sub(Duration::from_secs(60)).as_secs();
    // Instead of a minute's wait, the key's time is put back where it is kept.
    let hash = image2model_domain::api_key::hash_of(text(&expired, "key"));
    let mut redis = fleet.redis().connection().await.unwrap();
    let past = i64::try_from(a_minute_ago).unwrap() * 1000;
    let set: redis::RedisResult<i64> =
        redis::cmd("HSET").arg(format!("api_key:{hash}")).arg("expires_at").arg(past).query_async(&mut redis).await;
    assert_eq!(set.unwrap(), 0, "the field was there");
    Scene {
        task: text(&job, "task_id").to_owned(),
        file: text(&job["files"][0], "file_id").to_owned(),
        file_task: text(&job["files"][0], "task_id").to_owned(),
        name: text(&status["files"][0], "filename").to_owned(),
        good_token: text(&job, "access_token").to_owned(),
        expired_token: access_token::issue(TOKEN_SECRET, &id, a_minute_ago),
        token_of_another_job: text(&another, "access_token").to_owned(),
        shared_link: share(&as_owner, &job).await,
        expired_link: share_token::issue(TOKEN_SECRET, &id, a_minute_ago, 1),
        withdrawn_link,
        job: id.to_string(),
        owners_session: session_of(&as_owner).await.unwrap(),
        others_session: session_of(&fleet.hosts()[0].client(Some(&other)).unwrap()).await.unwrap(),
        revoked_session,
        owner,
        other,
        issued_admin,
        revoked: text(&revoked, "key").to_owned(),
        expired: text(&expired, "key").to_owned(),
    }
}
