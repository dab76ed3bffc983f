//! `image2model watch`: follows a job that was uploaded before, and brings its models home where a folder is named.
//!
//! Exit code: 0 when every photograph became a model, 1 when some did not, 2 when there is no such job or it may not be
//! seen, 130 after Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use image2model_domain::JobId;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::server::{self, Server};
use super::submit::api::{Job, JobApi};
use super::submit::display::Display;
use super::submit::{download, follow};
use super::{FAILED, INTERRUPTED, USAGE, complain, in_runtime};

#[derive(clap::Args)]
pub struct Args {
    /// The job's id, as its upload was answered
    job: String,
    /// Where Image2Model is served
    #[arg(long, default_value = "http://127.0.0.1:3000", env = "IMAGE2MODEL_URL")]
    url: String,
    /// API key [default: API_KEY of the environment or of .env]
    #[arg(long)]
    key: Option<SecretString>,
    /// The job's access token, for whoever has no key
    #[arg(long)]
    access_token: Option<SecretString>,
    /// Folder for the models; without it they stay where they are
    #[arg(long)]
    out: Option<PathBuf>,
}

pub fn run(args: Args) -> ExitCode {
    in_runtime(async {
        tokio::select! {
            code = watch(args) => code,
            _ = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
        }
    })
}

async fn watch(args: Args) -> ExitCode {
    let (api, job, status) = match find(&args).await {
        Ok(found) => found,
        Err(error) => return complain(&error, USAGE),
    };
    let names: Vec<&str> = follow::files(&status).map(|file| follow::text(file, "filename")).collect();
    let display = Display::new(names.iter().copied());
    let status = match follow::to_the_end(&api, &job, &display).await {
        Ok(status) => status,
        Err(error) => {
            display.close();
            return complain(&error, FAILED);
        }
    };
    let done = match &args.out {
        Some(out) => download::all(&api, &job, &status, out, &names, &display).await,
        None => tell(&api, &status, &display),
    };
    display.close();
    if done == names.len() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// The job as it stands.
async fn find(args: &Args) -> anyhow::Result<(JobApi, Job, Value)> {
    let id = JobId::parse(&args.job).map_err(|_| anyhow::anyhow!("{:?} is not the id of a job", args.job))?;
    if let Some(out) = &args.out {
        download::prepare(out).await?;
    }
    let api = JobApi::new(Server::new(&args.url, server::key(args.key.clone(), "API_KEY")?)?)?;
    let access_token = args.access_token.as_ref().map(|token| token.expose_secret().to_owned());
    let mut job = Job { id: id.to_string(), files: Vec::new(), access_token };
    let status = api.status(&job).await?;
    job.files = follow::files(&status).map(|file| follow::text(file, "file_id").to_owned()).collect();
    Ok((api, job, status))
}

/// Tells of every file how it ended; answers how many models there are.
fn tell(api: &JobApi, status: &Value, display: &Display) -> usize {
    let mut done = 0;
    for (index, file) in follow::files(status).enumerate() {
        let Some(shown) = display.file(index) else { continue };
        if follow::text(file, "status") == "completed" {
            done += 1;
            shown.ended(&format!("done: {}", api.link(follow::text(file, "download_url"))));
        } else {
            shown.ended(&format!("failed: {}", download::why(file)));
        }
    }
    done
}
