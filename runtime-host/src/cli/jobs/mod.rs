//! `image2model jobs`: what the service is doing and has done, and the operator's hand on it, over the admin routes of a
//! running service.

mod dead;
mod show;
mod table;
mod tenants;

use clap::Subcommand;
use serde_json::Value;

use super::api::{self, AdminApi};

#[derive(Subcommand)]
pub enum Task {
    /// List jobs, newest first
    List(List),
    /// Show a job, its files, and everything that happened to it
    Show {
        /// Its id
        job: String,
    },
    /// Cancel a job, or one file of it; what runs is stopped at FAL.AI, too
    Cancel {
        /// A job's id, a task's id, or JOB/FILE
        id: String,
    },
    /// Put a job's failed files in line anew
    Retry {
        /// Its id
        job: String,
    },
    /// Show how the queues stand
    Queues,
    /// Files that failed for good: list them, replay them, forget them
    Dead {
        #[command(subcommand)]
        task: Option<dead::Task>,
    },
    /// Hold a queue: nothing more is taken from it, what runs goes on
    Pause {
        /// batch_processing, model_generation or maintenance
        queue: String,
    },
    /// Let a held queue go on
    Resume {
        /// batch_processing, model_generation or maintenance
        queue: String,
    },
    /// Whose turn is how often: list tenants, or set one's weight and cap
    Tenants {
        #[command(subcommand)]
        task: Option<tenants::Task>,
    },
}

#[derive(clap::Args)]
pub struct List {
    /// Only jobs that stand so, such as processing or failed
    #[arg(long)]
    status: Option<String>,
    /// Only this tenant's
    #[arg(long)]
    tenant: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl api::Task for Task {
    async fn ask(&self, api: &AdminApi) -> anyhow::Result<Value> {
        match self {
            Self::List(list) => list.ask(api).await,
            Self::Show { job } => api.get(&["admin", "jobs", job]).await,
            Self::Cancel { id } => match id.split_once('/') {
                Some((job, file)) => api.post(&["admin", "tasks", job, file, "cancel"], None).await,
                None => api.post(&["admin", "tasks", id, "cancel"], None).await,
            },
            Self::Retry { job } => api.post(&["jobs", job, "retry"], None).await,
            Self::Queues => api.get(&["admin", "queues"]).await,
            Self::Dead { task } => dead::ask(task.as_ref(), api).await,
            Self::Pause { queue } => api.post(&["admin", "queues", queue, "pause"], None).await,
            Self::Resume { queue } => api.post(&["admin", "queues", queue, "resume"], None).await,
            Self::Tenants { task } => tenants::ask(task.as_ref(), api).await,
        }
    }

    fn shown(&self, answer: &Value) -> String {
        match self {
            Self::List(_) => table::jobs(answer),
            Self::Show { .. } => show::job(answer),
            Self::Cancel { .. } | Self::Retry { .. } | Self::Pause { .. } | Self::Resume { .. } => {
                table::message(answer)
            }
            Self::Queues => table::queues(answer),
            Self::Dead { task } => dead::shown(task.as_ref(), answer),
            Self::Tenants { task } => tenants::shown(task.as_ref(), answer),
        }
    }
}

impl List {
    async fn ask(&self, api: &AdminApi) -> anyhow::Result<Value> {
        let filters = [("status", &self.status), ("tenant", &self.tenant)];
        let query: Vec<(&str, &str)> =
            filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        api.all(&["admin", "jobs"], &query, "jobs", usize::try_from(self.limit).unwrap_or(usize::MAX)).await
    }
}
