//! Rate limits are exact, whichever host is asked, and the headers tell the truth about them.

use std::collections::BTreeSet;

use futures::future::join_all;
use image2model_tests::client::{Upload, text};
use image2model_tests::{Client, Fleet, Product, photo};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const ADMIN: &str = "the-admins-key-0123456789";
/// Open, and counted like any request.
const COUNTED: &str = "/api/v1/models/available";

/// A key with limits of its own, so that one fleet serves every test of a window.
async fn key_with(fleet: &Fleet, limits: Value) -> String {
    let admin = fleet.hosts()[0].client(Some(ADMIN)).unwrap();
    let body = json!({ "name": "limited", "limits": limits });
    let answer = admin.request(Method::POST, "/api/v1/admin/keys").json(&body).send().await.unwrap();
    text(&answer.json().await.unwrap(), "key").to_owned()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().unwrap()
}

fn number(answer: &Response, name: &str) -> u64 {
    header(answer, name).parse().unwrap()
}

/// So many requests at once, spread over the hosts; those let through and those refused.
async fn storm(clients: &[Client], count: usize) -> (Vec<Response>, Vec<Response>) {
    let sent = (0..count).map(|n| clients[n % clients.len()].get(COUNTED));
    sorted(join_all(sent).await.into_iter().map(Result::unwrap).collect())
}

fn sorted(answers: Vec<Response>) -> (Vec<Response>, Vec<Response>) {
    assert!(answers.iter().all(|a| a.status() == 200 || a.status() == 429), "another status came up");
    answers.into_iter().partition(|answer| answer.status() == 200)
}

/// Each let through saw another number left, down to none; each refused is told when to come back.
fn tell_the_truth(let_through: &[Response], refused: &[Response], limit: u64, window: u64) {
    let left: BTreeSet<u64> = let_through.iter().map(|a| number(a, "x-ratelimit-remaining")).collect();
    assert_eq!(left, (0..limit).collect());
    for answer in let_through.iter().chain(refused) {
        assert_eq!(number(answer, "x-ratelimit-limit"), limit);
        assert!((1..=window).contains(&number(answer, "x-ratelimit-reset")));
    }
    for answer in refused {
        assert_eq!(number(answer, "x-ratelimit-remaining"), 0);
        assert_eq!(header(answer, "retry-after"), header(answer, "x-ratelimit-reset"));
        assert_eq!(header(answer, "content-type"), "application/problem+json");
    }
}

async fn fleet_of_four() -> Fleet {
    let setup = Fleet::setup().with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", ADMIN);
    let mut fleet = setup.start().unwrap();
    fleet.add_serving(3).unwrap();
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_at_once_over_four_hosts_exactly_60_pass_in_every_window() {
    let fleet = fleet_of_four().await;

    let minute = key_with(&fleet, json!({ "per_minute": 60, "per_hour": 0 })).await;
    let (passed, refused) = storm(&fleet.clients(Some(&minute)).unwrap(), 200).await;
    assert_eq!((passed.len(), refused.len()), (60, 140));
    tell_the_truth(&passed, &refused, 60, 60);
    assert!(refused.iter().all(|a| header(a, "ratelimit-policy") == "\"minute\";q=60;w=60"));
    assert!(refused.iter().all(|a| header(a, "ratelimit").starts_with("\"minute\";r=0;t=")));

    let hour = key_with(&fleet, json!({ "per_minute": 0, "per_hour": 60 })).await;
    let (passed, refused) = storm(&fleet.clients(Some(&hour)).unwrap(), 200).await;
    assert_eq!((passed.len(), refused.len()), (60, 140));
    tell_the_truth(&passed, &refused, 60, 3600);
    assert!(refused.iter().all(|a| number(a, "retry-after") > 60), "the hour's end, not the minute's");

    // Both windows at once: what the minute refuses does not count against the hour.
    let both = key_with(&fleet, json!({ "per_minute": 20, "per_hour": 60 })).await;
    let (passed, refused) = storm(&fleet.clients(Some(&both)).unwrap(), 100).await;
    assert_eq!((passed.len(), refused.len()), (20, 80));
    tell_the_truth(&passed, &refused, 20, 60);
    assert!(refused.iter().all(|a| header(a, "ratelimit").contains("\"hour\";r=40;t=")));
    assert!(refused.iter().all(|a| header(a, "ratelimit-policy") == "\"minute\";q=20;w=60, \"hour\";q=60;w=3600"));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_an_allowance_of_their_own() {
    let fleet = fleet_of_four().await;
    let key = key_with(&fleet, json!({ "per_minute": 100, "per_hour": 0, "uploads_per_minute": 12 })).await;
    let clients = fleet.clients(Some(&key)).unwrap();
    let picture = [Upload::new("a.jpg", photo::jpeg(64, 64, 1).unwrap())];
    let sent = (0..40).map(|n| clients[n % clients.len()].post_upload(&picture, &[("process", "false")]));
    let (passed, refused) = sorted(join_all(sent).await.into_iter().map(Result::unwrap).collect());
    assert_eq!((passed.len(), refused.len()), (12, 28));
    tell_the_truth(&passed, &refused, 12, 60);
    let other = clients[0].get(COUNTED).await.unwrap();
    assert_eq!((other.status().as_u16(), number(&other, "x-ratelimit-remaining")), (200, 100 - 12 - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_limits_hold_for_keys_without_their_own() {
    let limits = [("RATE_LIMIT_PER_MINUTE", "60"), ("RATE_LIMIT_PER_HOUR", "1000")];
    let setup = limits.iter().fold(Fleet::setup(), |setup, (name, value)| setup.with(name, *value));
    let mut fleet = setup.with("API_KEY", "the-users-key-0123456789").start().unwrap();
    fleet.add_serving(1).unwrap();
    let (passed, refused) = storm(&fleet.clients(Some("the-users-key-0123456789")).unwrap(), 200).await;
    assert_eq!((passed.len(), refused.len()), (60, 140));
    tell_the_truth(&passed, &refused, 60, 60);
    let policy = "\"minute\";q=60;w=60, \"hour\";q=1000;w=3600";
    assert!(passed.iter().all(|a| header(a, "ratelimit-policy") == policy));
    // Health is not counted and says nothing of limits.
    let health = fleet.hosts()[0].client(None).unwrap().get("/health/live").await.unwrap();
    assert!(!health.headers().contains_key("x-ratelimit-limit"));
}

async fn from(client: &Client, forwarded_for: &str) -> Response {
    client.request(Method::GET, COUNTED).header("x-forwarded-for", forwarded_for).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_address_counts_which_only_trusted_proxies_tell() {
    let product =
        Product::setup().with("RATE_LIMIT_PER_MINUTE", "5").with("TRUSTED_PROXIES", "127.0.0.1").start().unwrap();
    let client = product.client().unwrap();
    for left in (0..5).rev() {
        let answer = from(&client, "203.0.113.7").await;
        assert_eq!((answer.status().as_u16(), number(&answer, "x-ratelimit-remaining")), (200, left));
    }
    assert_eq!(from(&client, "203.0.113.7").await.status(), 429);
    assert_eq!(
        from(&client, "198.51.100.1, 203.0.113.7").await.status(),
        429,
        "what stands further left anybody writes"
    );
    assert_eq!(from(&client, "203.0.113.8").await.status(), 200);
    assert_eq!(from(&client, "2001:db8::8").await.status(), 200);

    let product = Product::setup().with("RATE_LIMIT_PER_MINUTE", "5").start().unwrap();
    let client = product.client().unwrap();
    let mut passed = 0;
    for n in 0..20 {
        passed += usize::from(from(&client, &format!("203.0.113.{n}")).await.status() == 200);
    }
    assert_eq!(passed, 5, "nobody is trusted: all of them come from one address");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_counted_by_address_and_harm_no_right_one() {
    let setup = Product::setup().with("API_KEY", "the-users-key-0123456789").with("TRUSTED_PROXIES", "127.0.0.1");
    let product = setup.start().unwrap();
    let wrong = |n: usize| {
        let key = if n.is_multiple_of(2) { format!("wrong-{n}") } else { format!("i2m_{}", "A".repeat(43)) };
        let client = product.client_with_key(&key).unwrap();
        async move {
            let request = client.request(Method::GET, "/api/v1/jobs").header("x-forwarded-for", "203.0.113.7");
            request.send().await.unwrap().status().as_u16()
        }
    };
    let statuses = join_all((0..40).map(wrong)).await;
    let count = |status: u16| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(403), count(429)), (10, 30));
    let right = product.client_with_key("the-users-key-0123456789").unwrap();
    let request = right.request(Method::GET, "/api/v1/jobs").header("x-forwarded-for", "203.0.113.7");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_once_and_only_so_many_are_open_at_a_time() {
    let setup = Product::setup().with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", ADMIN);
    let setup =
        setup.with("MAX_STREAMS_PER_KEY", "2").with("MAX_STREAMS_PER_ADDRESS", "1").with("FAL_SIM_SPEED", "0.5");
    let product = setup.with("TRUSTED_PROXIES", "127.0.0.1").with("RATE_LIMIT_PER_MINUTE", "50").start().unwrap();
    let user = product.client_with_key("the-users-key-0123456789").unwrap();
    let job = user.upload(&[Upload::new("sim-slow.jpg", photo::jpeg(64, 64, 1).unwrap())], &[]).await.unwrap();
    let stream = format!("/api/v1/status/stream/{}", text(&job, "job_id"));
    let left = |answer: &Response| number(answer, "x-ratelimit-remaining");

    let mut first = user.get(&stream).await.unwrap();
    assert_eq!((first.status().as_u16(), left(&first)), (200, 48), "the upload and the stream");
    assert!(first.chunk().await.unwrap().is_some(), "events come");
    let _second = user.get(&stream).await.unwrap();
    let third = user.get(&stream).await.unwrap();
    assert_eq!((third.status().as_u16(), left(&third)), (503, 46));
    assert!(number(&third, "retry-after") > 0);
    assert_eq!(third.json::<Value>().await.unwrap()["error_code"], "TOO_MANY_STREAMS");
    assert_eq!(left(&user.get(COUNTED).await.unwrap()), 45, "what a stream sends is not counted");
    drop(first);
    // Its place comes back once the host has seen the connection go; fewer tries than the allowance has left.
    let mut status = user.get(&stream).await.unwrap().status();
    for _ in 0..40 {
        if status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        status = user.get(&stream).await.unwrap().status();
    }
    assert_eq!(status, 200);

    let nobody = product.client().unwrap();
    let open = async |address: &str| {
        nobody.request(Method::GET, &stream).header("x-forwarded-for", address).send().await.unwrap()
    };
    let one = open("203.0.113.7").await;
    assert_eq!(one.status(), 200);
    assert_eq!(open("203.0.113.7").await.status(), 503, "the address behind the proxy counts");
    assert_eq!(open("203.0.113.8").await.status(), 200, "not the proxy's");
}
