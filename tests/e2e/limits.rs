//! Rate limits are exact, whichever host is asked, and the headers tell the truth about them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use image2model_domain::api_key;
use image2model_tests::client::{Upload, text};
use image2model_tests::redis::Redis;
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

/// Seconds from now until the allowance starts anew, by `X-RateLimit-Reset`.
fn resets_in(answer: &Response) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(number(answer, "x-ratelimit-reset")).unwrap() - i64::try_from(now).unwrap()
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

/// The answers may be looked at so many seconds after they were given.
const LATE: i64 = 15;

/// Each let through saw another number left, down to none; each refused is told when to come back.
fn tell_the_truth(let_through: &[Response], refused: &[Response], limit: u64, window: i64) {
    let left: BTreeSet<u64> = let_through.iter().map(|a| number(a, "x-ratelimit-remaining")).collect();
    assert_eq!(left, (0..limit).collect());
    for answer in let_through.iter().chain(refused) {
        assert_eq!(number(answer, "x-ratelimit-limit"), limit);
        assert!((-LATE..=window + 1).contains(&resets_in(answer)), "{}", resets_in(answer));
    }
    for answer in refused {
        assert_eq!(number(answer, "x-ratelimit-remaining"), 0);
        let wait = i64::try_from(number(answer, "retry-after")).unwrap();
        assert!((wait - LATE..=wait + 1).contains(&resets_in(answer)), "{wait}, {}", resets_in(answer));
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
    let key = key_with(&fleet, json!({ "per_minute": 500, "per_hour": 0, "uploads_per_minute": 60 })).await;
    let clients = fleet.clients(Some(&key)).unwrap();
    let picture = [Upload::new("a.jpg", photo::jpeg(64, 64, 1).unwrap())];
    let sent = (0..200).map(|n| clients[n % clients.len()].post_upload(&picture, &[("process", "false")]));
    let (passed, refused) = sorted(join_all(sent).await.into_iter().map(Result::unwrap).collect());
    assert_eq!((passed.len(), refused.len()), (60, 140));
    tell_the_truth(&passed, &refused, 60, 60);
    assert!(refused.iter().all(|a| header(a, "ratelimit-policy") == "\"uploads\";q=60;w=60, \"minute\";q=500;w=60"));
    let other = clients[0].get(COUNTED).await.unwrap();
    assert_eq!((other.status().as_u16(), number(&other, "x-ratelimit-remaining")), (200, 500 - 60 - 1));
}

/// Makes the time short that is left of the one window of that name.
async fn shorten(fleet: &mut Fleet, window: &str, milliseconds: u64) {
    let mut redis = fleet.redis().connection().await.unwrap();
    let names: Vec<String> =
        redis::cmd("KEYS").arg(format!("rate_limit:*:{window}")).query_async(&mut redis).await.unwrap();
    let [name] = names.as_slice() else { panic!("not one window: {names:?}") };
    let set: i64 = redis::cmd("PEXPIRE").arg(name).arg(milliseconds).query_async(&mut redis).await.unwrap();
    assert_eq!(set, 1, "{name} has ended already");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_window_is_over_the_whole_allowance_is_there_again() {
    let limits = [("RATE_LIMIT_PER_MINUTE", "5"), ("RATE_LIMIT_PER_HOUR", "0")];
    let setup = limits.iter().fold(Fleet::setup(), |setup, (name, value)| setup.with(name, *value));
    let mut fleet = setup.with("API_KEY", "the-users-key-0123456789").start().unwrap();
    let client = fleet.hosts()[0].client(Some("the-users-key-0123456789")).unwrap();
    let (passed, refused) = storm(std::slice::from_ref(&client), 8).await;
    tell_the_truth(&passed, &refused, 5, 60);
    assert_eq!((passed.len(), refused.len()), (5, 3));

    shorten(&mut fleet, "minute", 5000).await;
    let refused = client.get(COUNTED).await.unwrap();
    let wait = number(&refused, "retry-after");
    assert_eq!(refused.status().as_u16(), 429);
    assert!((1..=5).contains(&wait), "{wait}");
    assert!((0..=6).contains(&resets_in(&refused)), "{}", resets_in(&refused));
    // As long as the answer says, and it is as if nothing had been asked.
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let again = client.get(COUNTED).await.unwrap();
    assert_eq!((again.status().as_u16(), number(&again, "x-ratelimit-remaining")), (200, 4));
    shorten(&mut fleet, "minute", 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (passed, refused) = storm(std::slice::from_ref(&client), 8).await;
    assert_eq!((passed.len(), refused.len()), (5, 3));
    tell_the_truth(&passed, &refused, 5, 60);
}

/// What Redis has written to its disk, as text.
async fn on_disk(fleet: &mut Fleet) -> String {
    let (_, folder): (String, String) = fleet.redis().ask("CONFIG GET dir").await.unwrap();
    let (_, name): (String, String) = fleet.redis().ask("CONFIG GET appenddirname").await.unwrap();
    let files = std::fs::read_dir(Path::new(&folder).join(name)).unwrap();
    files.map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_reach_replicas_and_never_the_disk() {
    let mut fleet = Fleet::setup().with("API_KEY", "the-users-key-0123456789").start().unwrap();
    let port = fleet.redis().port().to_string();
    let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port]).unwrap();
    let client = fleet.hosts()[0].client(Some("the-users-key-0123456789")).unwrap();
    let picture = Upload::new("a.jpg", photo::jpeg(64, 64, 1).unwrap());
    let job = client.upload(&[picture], &[("process", "false")]).await.unwrap();
    let (passed, _) = storm(std::slice::from_ref(&client), 20).await;
    assert_eq!(passed.len(), 20);
    let counts = fleet.redis().keys().await.unwrap().into_iter().filter(|key| key.starts_with("rate_limit:"));
    let counts: BTreeSet<String> = counts.collect();
    assert!(!counts.is_empty());
    let disk = on_disk(&mut fleet).await;
    assert!(disk.contains(text(&job, "job_id")), "jobs are kept");
    assert!(!disk.contains("rate_limit:"), "every request would wait for the disk");
    for _ in 0..100 {
        let known: BTreeSet<String> = replica.keys().await.unwrap().into_iter().collect();
        if known.is_superset(&counts) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a replica that takes over would know of no counts");
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
async fn of_200_at_once_without_a_key_exactly_60_pass_for_each_address() {
    let setup = Fleet::setup().with("RATE_LIMIT_PER_MINUTE", "60").with("TRUSTED_PROXIES", "127.0.0.1");
    let mut fleet = setup.with("API_KEY", "the-users-key-0123456789").start().unwrap();
    fleet.add_serving(3).unwrap();
    let clients = fleet.clients(None).unwrap();
    for address in ["203.0.113.7", "2001:db8::7"] {
        let sent = (0..200).map(|n| from(&clients[n % clients.len()], address));
        let (passed, refused) = sorted(join_all(sent).await);
        assert_eq!((passed.len(), refused.len()), (60, 140), "{address}");
        tell_the_truth(&passed, &refused, 60, 60);
    }
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
    let setup = Fleet::setup().with("API_KEY", "the-users-key-0123456789").with("TRUSTED_PROXIES", "127.0.0.1");
    let mut fleet = setup.with("RATE_LIMIT_WRONG_KEYS_PER_MINUTE", "60").start().unwrap();
    fleet.add_serving(3).unwrap();
    let tried = async |host: &Client, address: &str| {
        host.request(Method::GET, "/api/v1/jobs").header("x-forwarded-for", address).send().await.unwrap()
    };
    // Keys that were never issued, each another, and words that are no key at all.
    let wrong = |n: usize| {
        if n.is_multiple_of(2) { format!("wrong-{n}") } else { api_key::from_random([n.to_le_bytes()[0]; 32]) }
    };
    let clients: Vec<Client> = (0..200).map(|n| fleet.hosts()[n % 4].client(Some(&wrong(n))).unwrap()).collect();
    let answers = join_all(clients.iter().map(|client| tried(client, "203.0.113.7"))).await;
    assert!(answers.iter().all(|a| a.status() == 403 || a.status() == 429), "another status came up");
    let (looked_at, turned_away): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status() == 403);
    assert_eq!((looked_at.len(), turned_away.len()), (60, 140));
    tell_the_truth(&looked_at, &turned_away, 60, 60);
    for answer in looked_at.iter().chain(&turned_away) {
        assert_eq!(header(answer, "ratelimit-policy"), "\"wrong-keys\";q=60;w=60");
    }
    assert!(looked_at.iter().all(|a| header(a, "www-authenticate") == "Bearer"));
    for answer in looked_at {
        assert_eq!(answer.json::<Value>().await.unwrap()["error_code"], "INVALID_API_KEY");
    }
    for answer in turned_away {
        assert_eq!(answer.json::<Value>().await.unwrap()["error_code"], "RATE_LIMITED");
    }
    assert_eq!(tried(&clients[0], "203.0.113.8").await.status(), 403, "another address has its own");
    for host in fleet.clients(Some("the-users-key-0123456789")).unwrap() {
        assert_eq!(tried(&host, "203.0.113.7").await.status(), 200);
    }
    for host in fleet.clients(None).unwrap() {
        let without = tried(&host, "203.0.113.7").await;
        assert_eq!(without.json::<Value>().await.unwrap()["error_code"], "NOT_AUTHENTICATED");
    }
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
        tokio::time::sleep(Duration::from_millis(100)).await;
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
