//! What the host's memory does not grow with: compiling, and what is uploaded.

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

/// As it is before anything is compiled, a host has 90 MB at most; compiling itself would take it above 190.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn compiling_takes_no_memory_of_the_host() {
    let cache = tempfile::tempdir().unwrap();
    let mut product = Product::setup().with("COMPILE_CACHE_DIR", cache.path().to_str().unwrap()).start().unwrap();
    assert!(std::fs::read_dir(cache.path()).unwrap().count() > 10, "nothing was compiled");
    let status = std::fs::read_to_string(format!("/proc/{}/status", product.process().id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(most < 150 * 1024, "the host had {most} kB at its most");
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
