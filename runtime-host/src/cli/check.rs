//! `image2model check`: does every built component fit its world in `wit/worlds`? Named ones are explained.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use image2model_host::edge::check;

use super::{FAILED, USAGE, complain};

#[derive(clap::Args)]
pub struct Args {
    /// Explain these: ids in the manifest, or files that end in .wasm
    components: Vec<String>,
    /// The Spin manifest
    #[arg(long, default_value = "spin.toml", env = "SPIN_MANIFEST")]
    manifest: PathBuf,
    /// Under this build profile of the manifest
    #[arg(long, env = "SPIN_PROFILE")]
    profile: Option<String>,
}

pub fn run(args: &Args) -> ExitCode {
    let fits = if args.components.is_empty() { all(args) } else { some(args) };
    match fits {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => complain(&error, USAGE),
    }
}

fn all(args: &Args) -> anyhow::Result<bool> {
    let report = check::check(&args.manifest, &HashMap::new(), args.profile.as_deref())?;
    print!("{report}");
    Ok(report.is_ok())
}

fn some(args: &Args) -> anyhow::Result<bool> {
    let explained = check::explain(&args.manifest, &HashMap::new(), args.profile.as_deref(), &args.components)?;
    explained.iter().for_each(|one| print!("{one}"));
    Ok(explained.iter().all(check::Explanation::fits))
}
