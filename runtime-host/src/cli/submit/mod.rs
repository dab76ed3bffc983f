//! `image2model submit`: uploads photographs, follows them, downloads the models.
//!
//! Exit code: 0 when every photograph became a model, 1 when some did not, 2 when nothing was begun (usage, or the server
//! refused), 130 after Ctrl-C.

pub(super) mod api;
pub(super) mod display;
pub(super) mod download;
mod events;
pub(super) mod follow;
mod image;
mod upload;

use std::path::PathBuf;
use std::process::ExitCode;

use image2model_domain::queue::Priority;
use secrecy::SecretString;

use super::server::{self, Server};
use super::{FAILED, INTERRUPTED, USAGE, complain, in_runtime};
use api::{Job, JobApi};
use display::Display;
use image::Image;

#[derive(clap::Args)]
pub struct Args {
    /// JPEG or PNG photographs
    #[arg(required = true, value_name = "IMG")]
    images: Vec<PathBuf>,
    /// Where Image2Model is served
    #[arg(long, default_value = "http://127.0.0.1:3000", env = "IMAGE2MODEL_URL")]
    url: String,
    /// API key [default: API_KEY of the environment or of .env]
    #[arg(long)]
    key: Option<SecretString>,
    /// Triangles of a model at most, 1000 to 500000
    #[arg(long, value_parser = clap::value_parser!(i64).range(1000..=500_000))]
    face_limit: Option<i64>,
    /// Which model makes it; the server's default otherwise
    #[arg(long)]
    model: Option<String>,
    /// Before or after your other photographs: high, normal or low
    #[arg(long, value_parser = |name: &str| Priority::parse(name).ok_or(Priority::EXPECTED))]
    priority: Option<Priority>,
    /// Folder for the models
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

pub fn run(args: Args) -> ExitCode {
    in_runtime(submit(args))
}

async fn submit(args: Args) -> ExitCode {
    let (api, images) = match prepare(&args).await {
        Ok(prepared) => prepared,
        Err(error) => return complain(&error, USAGE),
    };
    let display = Display::new(images.iter().map(|image| image.name.as_str()));
    let uploaded = tokio::select! {
        uploaded = upload::upload(&api, &args, &images, &display) => uploaded,
        _ = tokio::signal::ctrl_c() => return ExitCode::from(INTERRUPTED),
    };
    let job = match uploaded {
        Ok(job) => job,
        Err(error) => {
            display.close();
            return complain(&error, USAGE);
        }
    };
    tokio::select! {
        ended = finish(&api, &job, &args, &images, &display) => ended,
        _ = tokio::signal::ctrl_c() => {
            display.close();
            eprintln!("The job goes on at the server: {}", api.link(&format!("/api/v1/status/{}", job.id)));
            ExitCode::from(INTERRUPTED)
        }
    }
}

async fn prepare(args: &Args) -> anyhow::Result<(JobApi, Vec<Image>)> {
    let images = image::read_all(&args.images)?;
    download::prepare(&args.out).await?;
    let server = Server::new(&args.url, server::key(args.key.clone(), "API_KEY")?)?;
    Ok((JobApi::new(server)?, images))
}

async fn finish(api: &JobApi, job: &Job, args: &Args, images: &[Image], display: &Display) -> ExitCode {
    let status = match follow::to_the_end(api, job, display).await {
        Ok(status) => status,
        Err(error) => {
            display.close();
            return complain(&error, FAILED);
        }
    };
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    let done = download::all(api, job, &status, &args.out, &names, display).await;
    display.close();
    if done == images.len() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
