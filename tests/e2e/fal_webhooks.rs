//! FAL's webhooks through the front door: they end what cannot be asked about, and only FAL is believed.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use image2model_tests::client::{Upload, text};
use image2model_tests::otlp::Collector;
use image2model_tests::redis::free_port;
use image2model_tests::sim::Sim;
use image2model_tests::{Product, photo};
use reqwest::Method;
use serde_json::json;

const PATH: &str = "/api/v1/webhooks/fal";

/// A product that FAL calls. Its simulator is slow to be asked: every status poll fails.
async fn start(collector: Option<&Collector>) -> (Sim, Product) {
    let sim = Sim::start("20").unwrap();
    sim.arm(&json!({ "call": "status", "fault": "bad-gateway", "probability": 1.0 })).await.unwrap();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let setup = Product::setup().with_sim(&sim).with("FAL_WEBHOOK_URL", format!("http://{address}"));
    let variables = collector.map(Collector::environment).into_iter().flatten();
    let setup = variables.fold(setup, |setup, (name, value)| setup.with(name, value));
    let product = setup.start_at(&address).unwrap();
    (sim, product)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_ends_when_fal_tells_though_it_cannot_be_asked() {
    let collector = Collector::start().await.unwrap();
    let (sim, product) = start(Some(&collector)).await;
    let client = product.client().unwrap();
    let files = [1, 2, 3].map(|n| Upload::new(&format!("{n}.jpg"), photo::jpeg(320, 240, n).unwrap()));
    // One is told twice, one never: that one ends once FAL can be asked.
    sim.arm(&json!({ "call": "webhook", "fault": "duplicate" })).await.unwrap();
    sim.arm(&json!({ "call": "webhook", "fault": "lost" })).await.unwrap();
    let job = client.upload(&files, &[]).await.unwrap();
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));
    while client.json(&path).await.unwrap()["completed_files"] != 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sim.armed().await.unwrap().len(), 1, "both faults of webhooks have met one");
    sim.disarm().await.unwrap();
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
    assert_eq!(sim.submits().await.unwrap().len(), 3);
    // Each webhook is a trace that begins at our door, and says which request it is about.
    let told = collector.all().into_iter().find(|span| span.name == "receive fal webhook").unwrap();
    assert_eq!(told.attributes["image2model.job_id"], text(&job, "job_id"));
    assert!(["woken", "bound"].contains(&&*told.attributes["image2model.outcome"]), "{told:?}");
    let spans = collector.until(&told.trace, &["POST"]).await.unwrap();
    let door = spans.iter().find(|span| span.name == "POST").unwrap();
    assert_eq!((door.kind, &*door.parent, &told.parent), (2, "", &door.id));
    assert_eq!(door.attributes["url.path"], PATH);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_fal_is_believed() {
    let (_sim, product) = start(None).await;
    let client = product.client().unwrap();
    let told = json!({ "request_id": "0190-abc", "status": "OK", "payload": {} });
    let unsigned = client.request(Method::POST, PATH).json(&told).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let problem: serde_json::Value = unsigned.json().await.unwrap();
    assert_eq!(text(&problem, "error_code"), "SIGNATURE_MISSING");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let forged = || {
        client
            .request(Method::POST, PATH)
            .header("x-fal-webhook-request-id", "0190-abc")
            .header("x-fal-webhook-user-id", "somebody")
            .header("x-fal-webhook-timestamp", &now)
            .header("x-fal-webhook-signature", "ab".repeat(64))
    };
    assert_eq!(forged().json(&told).send().await.unwrap().status(), 401);
    // One byte more than is read: what is left unread would reset the connection before the answer is seen.
    let large = forged().body(vec![b' '; (256 << 10) + 1]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let asked = client.get(PATH).await.unwrap();
    assert_eq!((asked.status().as_u16(), asked.headers()["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_promises_a_webhook_and_sends_none_holds_nothing() {
    let (_sim, product) = start(None).await;
    let head = |claim: &str| {
        let mut stream = std::net::TcpStream::connect(product.url().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n{claim}\r\n").unwrap();
        stream
    };
    let status = |stream: std::net::TcpStream| {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status(head("")), "401", "not even a claim: its body is not waited for");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claim = format!(
        "x-fal-webhook-request-id: r\r\nx-fal-webhook-user-id: u\r\nx-fal-webhook-timestamp: {now}\r\n\
         x-fal-webhook-signature: {}\r\n",
        "ab".repeat(64)
    );
    let waiting: Vec<_> = (0..65).map(|_| head(&claim)).collect();
    let mut answers: Vec<_> = waiting.into_iter().map(status).collect();
    answers.sort_unstable();
    assert_eq!((&*answers[0], &*answers[63], &*answers[64]), ("408", "408", "503"));
}
