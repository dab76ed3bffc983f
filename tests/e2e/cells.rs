//! Cells: deployments that share a Redis Cluster, or have a Redis each (docs/operations.md, "More than one Redis").

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use futures::future::try_join_all;
use image2model_tests::client::{Upload, text};
use image2model_tests::redis::{Redis, free_port};
use image2model_tests::sim::Sim;
use image2model_tests::{Client, Cluster, Product, glb, photo};

/// A product that knows its Redis by this address, and its keys by this prefix.
fn cell(redis: &str, prefix: &str) -> image2model_tests::product::Setup {
    Product::setup().with("REDIS_URL", redis).with("REDIS_KEY_PREFIX", prefix)
}

fn photographs(count: u32) -> Vec<Upload> {
    (0..count).map(|n| Upload::new("vase.jpg", photo::jpeg(320, 240, n).unwrap())).collect()
}

/// Upload, live stream to its end, status, download: answers with the job's id.
async fn main_job(client: &Client) -> anyhow::Result<String> {
    let job = client.upload(&photographs(1), &[]).await?;
    let id = text(&job, "job_id").to_owned();
    let events = client.events(&format!("/api/v1/status/stream/{id}"), None).await?;
    let (_, _, last) = events.last().context("the stream told nothing")?;
    anyhow::ensure!((text(last, "type"), text(last, "status")) == ("job", "completed"), "{last}");
    let status = client.ended(&id).await?;
    let model = client.get(&format!("{}?stream=1", text(&status["files"][0], "download_url"))).await?;
    glb::inspect(&model.error_for_status()?.bytes().await?)?;
    Ok(id)
}

/// Waits until FAL.AI has taken so many.
async fn submitted(sim: &Sim, count: usize) -> anyhow::Result<()> {
    tokio::time::timeout(Duration::from_secs(60), async {
        while sim.submits().await?.len() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn three_cells_share_a_cluster_each_on_a_node_of_its_own() {
    let cluster = Cluster::start().await.unwrap();
    let mut cells = Vec::new();
    for home in 0..3 {
        let (prefix, slot) = cluster.prefix_on(home).await.unwrap();
        // The address names a node that does not have the cell's keys.
        let product = cell(&cluster.node((home + 1) % 3).unwrap().url(), &prefix).start().unwrap();
        cells.push((prefix, slot, product));
    }
    // A cluster passes on what is published: whoever subscribes at any node hears of every cell.
    let mut heard = redis::Client::open(cluster.node(0).unwrap().url()).unwrap().get_async_pubsub().await.unwrap();
    heard.psubscribe("*progress:*").await.unwrap();

    let clients: Vec<_> = cells.iter().map(|(_, _, product)| product.client().unwrap()).collect();
    let jobs = try_join_all(clients.iter().map(main_job)).await.unwrap();

    for (home, (prefix, slot, _)) in cells.iter().enumerate() {
        let keys = cluster.node(home).unwrap().keys().await.unwrap();
        assert!(keys.contains(&format!("{prefix}job:{}", jobs[home])), "{keys:?}");
        for key in keys {
            assert!(key.starts_with(prefix), "{key} is not of {prefix}");
            assert_eq!(cluster.slot(&key).await.unwrap(), *slot, "{key}");
        }
    }
    let mut missing: Vec<_> =
        cells.iter().zip(&jobs).map(|((prefix, _, _), job)| format!("{prefix}progress:{job}")).collect();
    let mut messages = heard.on_message();
    while !missing.is_empty() {
        let message = tokio::time::timeout(Duration::from_secs(10), messages.next()).await;
        let message = message.unwrap_or_else(|_| panic!("nothing was published on {missing:?}")).unwrap();
        missing.retain(|channel| channel != message.get_channel_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_outlives_the_node_that_has_its_keys() {
    let mut cluster = Cluster::start().await.unwrap();
    cluster.add_replica(0).await.unwrap();
    let (prefix, _) = cluster.prefix_on(0).await.unwrap();
    let sim = Sim::start("4").unwrap();
    let product = cell(&cluster.node(0).unwrap().url(), &prefix).with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&photographs(2), &[]).await.unwrap();
    submitted(&sim, 2).await.unwrap();

    // The node that the address names is gone for good: the others were learnt from it.
    cluster.node_mut(0).unwrap().process().kill();

    let status = client.ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(status["status"], "completed", "{status}");
    assert_eq!(sim.submits().await.unwrap().len(), 2, "each photograph is paid for once");
    main_job(&client).await.unwrap();
    let keys = cluster.node(3).unwrap().keys().await.unwrap();
    assert!(keys.contains(&format!("{prefix}job:{}", text(&job, "job_id"))), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_moves_to_another_node_while_it_works() {
    let cluster = Cluster::start().await.unwrap();
    let (prefix, slot) = cluster.prefix_on(0).await.unwrap();
    let sim = Sim::start("4").unwrap();
    let product = cell(&cluster.node(1).unwrap().url(), &prefix).with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&photographs(3), &[]).await.unwrap();
    submitted(&sim, 3).await.unwrap();

    cluster.move_slot(slot, 0, 2).await.unwrap();

    let status = client.ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(status["completed_files"], 3, "{status}");
    assert_eq!(sim.submits().await.unwrap().len(), 3, "each photograph is paid for once");
    let last = main_job(&client).await.unwrap();
    // So does what is logged.
    let path = format!("/api/v1/logs?job_id={last}");
    client.until(&path, |log| log["entries"].as_array().is_some_and(|all| !all.is_empty())).await.unwrap();
    let left = cluster.node(0).unwrap().keys().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    for key in cluster.node(2).unwrap().keys().await.unwrap() {
        assert!(key.starts_with(&prefix), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_on_two_redis_know_nothing_of_each_other() {
    let (a, b) = (Redis::start().unwrap(), Redis::start().unwrap());
    let (one, other) = (cell(&a.url(), "{a}:").start().unwrap(), cell(&b.url(), "{b}:").start().unwrap());
    let (one, other) = (one.client().map(|c| (one, c)).unwrap(), other.client().map(|c| (other, c)).unwrap());
    let jobs = try_join_all([main_job(&one.1), main_job(&other.1)]).await.unwrap();
    for (redis, prefix, own, client, foreign) in
        [(&a, "{a}:", &jobs[0], &one.1, &jobs[1]), (&b, "{b}:", &jobs[1], &other.1, &jobs[0])]
    {
        let keys = redis.keys().await.unwrap();
        assert!(keys.contains(&format!("{prefix}job:{own}")), "{keys:?}");
        for key in keys {
            assert!(key.starts_with(prefix) && !key.contains(foreign.as_str()), "{key}");
        }
        assert_eq!(client.get(&format!("/api/v1/status/{foreign}")).await.unwrap().status(), 404);
        let listed = client.json("/api/v1/jobs").await.unwrap();
        assert_eq!(listed["jobs"].as_array().unwrap().len(), 1, "{listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_not_begun_with_without_a_prefix() {
    let cluster = Cluster::start().await.unwrap();
    let started = Product::setup().with("REDIS_URL", cluster.node(0).unwrap().url()).start();
    let said = started.err().expect("it must not start").to_string();
    assert!(said.contains("set REDIS_KEY_PREFIX"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_reached_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (form, certificate, key) =
        (folder.path().join("form"), folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let lines = "[req]\nprompt=no\ndistinguished_name=name\nx509_extensions=extensions\n[name]\nCN=redis\n\
                 [extensions]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    std::fs::write(&form, lines).unwrap();
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-config"]).arg(&form);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let port = free_port().unwrap().to_string();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
    let settings = [&["--tls-port", port.as_str(), "--tls-auth-clients", "no"][..], &files[..]].concat();
    let _redis = Redis::start_with(&settings).unwrap();
    let product = cell(&format!("rediss://127.0.0.1:{port}"), "").with("SSL_CERT_FILE", certificate).start().unwrap();
    main_job(&product.client().unwrap()).await.unwrap();
}
