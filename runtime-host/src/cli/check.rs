//! `image2model check`: does every built component fit its world in `wit/worlds`?

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use image2model_host::edge::check;

use super::{FAILED, USAGE, complain};

#[derive(clap::Args)]
pub struct Args {
    /// The Spin manifest
    #[arg(long, default_value = "spin.toml", env = "SPIN_MANIFEST")]
    manifest: PathBuf,
}

pub fn run(args: &Args) -> ExitCode {
    match check::check(&args.manifest, &HashMap::new()) {
        Ok(report) => {
            print!("{report}");
            if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
        }
        Err(error) => complain(&error.into(), USAGE),
    }
}
