//! `image2model keys issue | list | revoke`: API keys, over the admin routes of a running service.

mod lifetime;
mod table;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::api::{self, AdminApi};

#[derive(Subcommand)]
pub enum Task {
    /// Issue a key; it is shown this once
    Issue(Issue),
    /// List all keys, newest first, those that open nothing any more among them
    List,
    /// Take a key back, at once and everywhere
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

#[derive(clap::Args)]
pub struct Issue {
    /// What to call it
    name: String,
    /// What it opens
    #[arg(long, value_enum, default_value_t = Role::User)]
    role: Role,
    /// For how long, such as 90d, 12h or 30m; for ever otherwise
    #[arg(long, value_parser = lifetime::seconds, value_name = "TIME")]
    expires_in: Option<u64>,
    /// Requests a minute, 0 for any number; the server's limit otherwise
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// Requests an hour, 0 for any number; the server's limit otherwise
    #[arg(long, value_name = "N")]
    per_hour: Option<u32>,
    /// Uploads a minute, 0 for any number; the server's limit otherwise
    #[arg(long, value_name = "N")]
    uploads_per_minute: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    User,
    Admin,
}

impl api::Task for Task {
    async fn ask(&self, api: &AdminApi) -> anyhow::Result<Value> {
        match self {
            Self::Issue(issue) => api.post(&["admin", "keys"], Some(&issue.body())).await,
            Self::List => api.all(&["admin", "keys"], &[], "keys", usize::MAX).await,
            Self::Revoke { id } => api.delete(&["admin", "keys", id]).await,
        }
    }

    fn shown(&self, answer: &Value) -> String {
        match self {
            Self::Issue(_) => table::issued(answer),
            Self::List => table::listed(answer),
            Self::Revoke { .. } => table::revoked(answer),
        }
    }
}

impl Issue {
    fn body(&self) -> Value {
        json!({
            "name": self.name,
            "role": match self.role { Role::User => "user", Role::Admin => "admin" },
            "expires_in_seconds": self.expires_in,
            "limits": {
                "per_minute": self.per_minute,
                "per_hour": self.per_hour,
                "uploads_per_minute": self.uploads_per_minute,
            },
        })
    }
}
