//! Memory does not grow with what is uploaded.

use image2model_tests::client::Upload;
use image2model_tests::{Product, photo};

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_a_huge_one() {
    let mut product = Product::setup().start().unwrap();
    let id = product.process().id();
    let pages = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap();
    let huge = pages.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
    assert_eq!(huge.trim(), "0 kB", "each would be 2 MB, for a fraction that is used");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_large_files_cost_no_memory() {
    // The worker would load images too; here only the way in is looked at.
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let small = Upload::new("warm.jpg", photo::jpeg(64, 64, 1).unwrap());
    client.upload(std::slice::from_ref(&small), &[("process", "false")]).await.unwrap();
    let before = product.resident_bytes().unwrap();

    let large = photo::heavy_jpeg(10 * 1024 * 1024 - 4096, 1).unwrap();
    let files: Vec<Upload> = (0..25).map(|n| Upload::new(&format!("{n}.jpg"), large.clone())).collect();
    let answer = {
        let upload = client.upload(&files, &[("process", "false")]);
        tokio::pin!(upload);
        let mut peak = before;
        loop {
            tokio::select! {
                answer = &mut upload => break answer.map(|a| (a, peak)),
                () = tokio::time::sleep(std::time::Duration::from_millis(20)) => peak = peak.max(product.resident_bytes().unwrap()),
            }
        }
    };
    let (answer, peak) = answer.unwrap();
    assert_eq!(answer["total_files"], 25);
    let grown = peak.max(product.resident_bytes().unwrap()).saturating_sub(before) / (1024 * 1024);
    assert!(grown <= 64, "the host grew by {grown} MiB");
}
