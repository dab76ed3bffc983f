//! A Redis that answers but refuses for a while is "try again", 503 with `Retry-After`, never a fault of ours.

use image2model_tests::Fleet;
use reqwest::Method;

/// What an operator's Redis meets: the commands that bring it about, and those that end it.
const TROUBLES: [(&str, &[&str], &[&str]); 4] = [
    ("OOM", &["CONFIG SET maxmemory 1"], &["CONFIG SET maxmemory 0"]),
    ("NOREPLICAS", &["CONFIG SET min-replicas-to-write 1"], &["CONFIG SET min-replicas-to-write 0"]),
    ("READONLY", &["REPLICAOF 127.0.0.1 1"], &["REPLICAOF NO ONE"]),
    (
        "MASTERDOWN",
        &["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"],
        &["REPLICAOF NO ONE", "CONFIG SET replica-serve-stale-data yes"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_503_with_a_hint_and_then_it_goes_on() {
    let mut fleet = Fleet::setup().start().unwrap();
    let client = fleet.hosts()[0].client(None).unwrap();
    let mut redis = fleet.redis().connection().await.unwrap();
    for (code, begin, end) in TROUBLES {
        for (commands, status) in [(begin, 503), (end, 200)] {
            for command in commands {
                let mut words = command.split(' ');
                let mut sent = redis::cmd(words.next().unwrap());
                words.for_each(|word| {
                    sent.arg(word);
                });
                let _: redis::Value = sent.query_async(&mut redis).await.unwrap();
            }
            for (method, path) in [(Method::GET, "/api/v1/jobs"), (Method::GET, "/api/v1/admin/keys")] {
                let answer = client.request(method, path).send().await.unwrap();
                assert_eq!(answer.status(), status, "{path} while {code}");
                assert_eq!(answer.headers().contains_key("retry-after"), status == 503, "{path} while {code}");
            }
        }
    }
}
