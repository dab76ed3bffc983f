//! `image2model probe`: asks one address whether it is well, for containers that have no other program to ask with.
//!
//! Exit code: 0 when it answered 2xx within the time, 1 when it did not, 2 when there is no such address.

use std::process::ExitCode;
use std::time::Duration;

use reqwest::Url;
use url::Host;

use super::{FAILED, USAGE, complain, in_runtime};

#[derive(clap::Args)]
pub struct Args {
    /// What to ask
    #[arg(default_value = "http://127.0.0.1:3000/health/live")]
    url: Url,
    /// How long it may take, in seconds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

pub fn run(args: Args) -> ExitCode {
    if !matches!(args.url.scheme(), "http" | "https") {
        return complain(&anyhow::anyhow!("it is not an http:// or https:// address: {}", args.url), USAGE);
    }
    in_runtime(async {
        match ask(args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, FAILED),
        }
    })
}

async fn ask(args: Args) -> anyhow::Result<()> {
    // A proxy of the environment is for the way out, not for a part of this deployment.
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(args.timeout));
    // A part of this machine, by its address: whom the certificate names is for its clients to check.
    let client = client.tls_danger_accept_invalid_certs(is_this_machine(&args.url)).build()?;
    let status = client.get(args.url).send().await?.status();
    anyhow::ensure!(status.is_success(), "it answered {status}");
    Ok(())
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_believed_without_its_name() {
        let is = |url: &str| is_this_machine(&Url::parse(url).unwrap());
        assert!(["https://127.0.0.1:3000/", "https://[::1]/", "https://localhost/"].into_iter().all(is));
        assert!(!["https://10.0.0.1/", "https://[fd00::1]/", "https://models.example/"].into_iter().any(is));
    }
}
