//! An interrupted download goes on where it broke off, with the client that everybody has.

use std::path::Path;
use std::process::{Command, Stdio};

use image2model_tests::client::{Upload, text};
use image2model_tests::{Product, photo};

use super::{ended, model_path, quick};

/// So much has arrived when the line breaks.
const ARRIVED: u64 = 20_000;

/// Downloads to `path` until the line breaks, then resumes; answers what curl had to follow on the way.
fn interrupted_and_resumed(url: &str, path: &Path) -> String {
    let mut first =
        Command::new("curl").args(["-sSL", url]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut file = std::fs::File::create(path).unwrap();
    let mut head = std::io::Read::take(first.stdout.take().unwrap(), ARRIVED);
    assert_eq!(std::io::copy(&mut head, &mut file).unwrap(), ARRIVED);
    drop(head);
    first.wait().unwrap();
    let mut rest = Command::new("curl");
    rest.args(["-sSL", "--fail", "-C", "-", "-w", "%{http_code} %{num_redirects} %{size_download}", "-o"]).arg(path);
    let rest = rest.arg(url).output().unwrap();
    assert!(rest.status.success(), "{}", String::from_utf8_lossy(&rest.stderr));
    String::from_utf8(rest.stdout).unwrap()
}

async fn resumes(product: &Product, redirects: u32) {
    let client = product.client().unwrap();
    let status = ended(&client, &[Upload::new("large.jpg", photo::jpeg(1200, 900, 1).unwrap())]).await;
    let path = model_path(&status, 0);
    let whole = client.get(&format!("{path}?stream=1")).await.unwrap().bytes().await.unwrap();
    assert!(whole.len() as u64 > 2 * ARRIVED, "{} bytes", whole.len());
    let part = product.data().join("part.glb");
    let said = interrupted_and_resumed(&format!("{}{path}", product.url()), &part);
    assert_eq!(said, format!("206 {redirects} {}", whole.len() as u64 - ARRIVED));
    assert_eq!(std::fs::read(&part).unwrap(), whole, "byte for byte");
    let said = interrupted_and_resumed(&format!("{}{path}?stream=1", product.url()), &part);
    assert_eq!(said, format!("206 0 {}", whole.len() as u64 - ARRIVED));
    assert_eq!(std::fs::read(&part).unwrap(), whole, "byte for byte");
    assert_eq!(text(&status, "status"), "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_kept_here_is_resumed() {
    resumes(&quick().start().unwrap(), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_kept_by_fal_is_resumed_through_the_redirect() {
    resumes(&quick().with("KEEP_RESULTS", "false").start().unwrap(), 1).await;
}
