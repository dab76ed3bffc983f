//! `image2model check`: does every built component fit its world in `wit/worlds`? Named ones are explained.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use image2model_host::config::Source;
use image2model_host::edge::check;
use image2model_host::edge::swap::fetch::Logins;
use secrecy::ExposeSecret;

use super::out::print;
use super::{FAILED, USAGE, complain};

#[derive(clap::Args)]
pub struct Args {
    /// Explain these: ids in the manifest, or files that end in .wasm
    components: Vec<String>,
    /// The Spin manifest
    #[arg(long, default_value = "spin.toml", env = "SPIN_MANIFEST")]
    manifest: PathBuf,
    /// Logins to registries that want one, as `docker login` writes them
    #[arg(long, env = "REGISTRY_AUTH_FILE")]
    registry_auth_file: Option<PathBuf>,
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

fn logins(args: &Args) -> anyhow::Result<Logins> {
    let file = args.registry_auth_file.as_deref();
    file.map(Logins::in_file).transpose().map(Option::unwrap_or_default).context("--registry-auth-file")
}

/// The application's variables as the host reads them. What it adds itself has a default in every manifest of ours.
fn variables() -> anyhow::Result<HashMap<String, String>> {
    let given = Source::of_process(Path::new(".")).context("cannot read .env")?.spin_variables();
    Ok(given.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect())
}

fn all(args: &Args) -> anyhow::Result<bool> {
    let report = check::check(&args.manifest, &variables()?, args.profile.as_deref(), &logins(args)?)?;
    print(&report)?;
    Ok(report.is_ok())
}

fn some(args: &Args) -> anyhow::Result<bool> {
    let (profile, logins) = (args.profile.as_deref(), logins(args)?);
    let explained = check::explain(&args.manifest, &variables()?, profile, &logins, &args.components)?;
    explained.iter().try_for_each(print)?;
    Ok(explained.iter().all(check::Explanation::fits))
}
