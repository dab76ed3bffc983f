//! The configuration as an operator meets it.

use std::time::Duration;

use image2model_host::config::{
    Config, Environment, Part, Source, Wiring, contradicted, env_example, given_variables, markdown, spin_variables,
    variables,
};
use image2model_host::otlp::Destination;
use secrecy::ExposeSecret;

/// Names of the variables that are complained about.
fn problems(values: &[(&str, &str)], part: Part) -> Vec<&'static str> {
    let loaded = Config::load(&Source::of(values.iter().copied()), part);
    loaded.err().map(|error| error.problems.iter().map(|p| p.name).collect()).unwrap_or_default()
}

#[test]
fn nothing_has_to_be_set() {
    let config = Config::load(&Source::default(), Part::Up).unwrap();
    assert_eq!(config.access.environment, Environment::Development);
    assert!(config.lets_everybody_in() && config.redis.url.is_none() && config.fal.key.is_none());
    assert_eq!(config.upload_dir, config.data_dir.join("uploads"));
    // An empty value, as compose files pass it, is no value.
    let empty: Vec<_> = variables().map(|v| (v.name, " ")).collect();
    assert!(Config::load(&Source::of(empty), Part::Up).unwrap().redis.url.is_none());
}

#[test]
fn every_problem_is_told_at_once_and_no_value_is_repeated() {
    let wrong = [
        ("ENVIRONMENT", "wrong-0"),
        ("LISTEN", "wrong-1"),
        ("LOG_LEVEL", "wrong-2"),
        ("TOKEN_SECRET", "wrong-3"),
        ("JOB_ACCESS", "wrong-4"),
        ("ALLOWED_ORIGINS", "wrong-5"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("RATE_LIMIT_PER_MINUTE", "-1"),
        ("MAX_UPLOAD_SIZE", "wrong-6"),
        ("REDIS_URL", "http://wrong-7"),
        ("REDIS_PORT", "70000"),
        ("REDIS_KEY_PREFIX", "wrong-11"),
        ("REDIS_WAIT_REPLICAS", "10"),
        ("REDIS_WAIT_MILLISECONDS", "0"),
        ("MIN_FREE_DISK", "100%"),
        ("SWEEP_INTERVAL_SECONDS", "-2"),
        ("ORPHAN_AGE_SECONDS", "60"),
        ("BLOB_URL", "wrong-8"),
        ("FAL_KEY", "wrong-9"),
        ("FAL_MODEL_ENDPOINT", "wrong-10"),
        ("FAL_SIM_SPEED", "0"),
    ];
    let right = ("ADMIN_API_KEY", "admin-key");
    let error = Config::load(&Source::of(wrong.into_iter().chain([right])), Part::Up).unwrap_err();
    let named: Vec<_> = error.problems.iter().map(|p| p.name).collect();
    let expected: Vec<_> = wrong.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, expected);
    let said = error.to_string();
    assert!(expected.iter().all(|name| said.contains(name)) && !said.contains("wrong-"), "{said}");
}

#[test]
fn only_development_goes_without_a_key() {
    assert_eq!(problems(&[("ENVIRONMENT", "production")], Part::Up), ["API_KEY"]);
    let keyed = [("ENVIRONMENT", "production"), ("ADMIN_API_KEY", "admin-key")];
    assert!(!Config::load(&Source::of(keyed), Part::Up).unwrap().lets_everybody_in());
}

#[test]
fn keys_that_could_be_guessed_are_told_of_where_they_protect_something() {
    let short = |environment: &str| {
        let values =
            [("ENVIRONMENT", environment), ("API_KEY", "fifteen-letters"), ("ADMIN_API_KEY", "sixteen--letters")];
        Config::load(&Source::of(values), Part::Up).unwrap().short_keys().collect::<Vec<_>>()
    };
    assert_eq!(
        (short("production"), short("staging"), short("development")),
        (vec!["API_KEY"], vec!["API_KEY"], vec![])
    );
}

#[test]
fn whoever_is_in_front_has_time_to_notice_a_stop() {
    let delay = |values: &[(&str, &str)]| {
        let all = values.iter().copied().chain([("API_KEY", "k")]);
        Config::load(&Source::of(all), Part::Up).unwrap().shutdown_delay.as_secs()
    };
    let production = ("ENVIRONMENT", "production");
    assert_eq!((delay(&[]), delay(&[production]), delay(&[production, ("SHUTDOWN_GRACE_SECONDS", "8")])), (0, 5, 2));
    assert_eq!(delay(&[("SHUTDOWN_DELAY_SECONDS", "29")]), 29);
    for (delay, grace) in [("30", "30"), ("-1", "30"), ("soon", "30"), ("3", "2")] {
        let values = [("SHUTDOWN_DELAY_SECONDS", delay), ("SHUTDOWN_GRACE_SECONDS", grace)];
        assert_eq!(problems(&values, Part::Up), ["SHUTDOWN_DELAY_SECONDS"], "{delay} of {grace}");
    }
}

#[test]
fn how_long_to_poll_busily_is_decided_by_the_host_unless_it_is_said() {
    let within = |value| Config::load(&Source::of([("BUSY_POLL_MICROSECONDS", value)]), Part::Up).unwrap().busy_poll;
    assert_eq!((within(""), within("0"), within("80")), (None, Some(Duration::ZERO), Some(Duration::from_micros(80))));
    for value in ["-1", "10001", "1ms"] {
        assert_eq!(problems(&[("BUSY_POLL_MICROSECONDS", value)], Part::Up), ["BUSY_POLL_MICROSECONDS"], "{value}");
    }
}

#[test]
fn keys_that_other_deployments_have_are_taken_as_they_are() {
    let keyed = [("ENVIRONMENT", "production"), ("API_KEY", "k1"), ("ADMIN_API_KEY", "a")];
    let access = Config::load(&Source::of(keyed), Part::Up).unwrap().access;
    assert_eq!(access.api_key.unwrap().expose_secret(), "k1");
    assert_eq!(access.admin_api_key.unwrap().expose_secret(), "a");
    let blank = [("ENVIRONMENT", "production"), ("API_KEY", "  ")];
    assert_eq!(problems(&blank, Part::Up), ["API_KEY"]);
}

#[test]
fn the_parts_need_what_only_up_brings() {
    assert_eq!(problems(&[], Part::Worker), ["REDIS_URL", "FAL_KEY"]);
    assert_eq!(problems(&[("BLOB_URL", "http://blobs")], Part::Serve), ["REDIS_URL", "BLOB_TOKEN"]);
    let worker =
        [("REDIS_HOST", "redis"), ("REDIS_PASSWORD", "p@ss"), ("FAL_KEY", "id:secret"), ("ENVIRONMENT", "production")];
    let config = Config::load(&Source::of(worker), Part::Worker).unwrap();
    assert_eq!(config.redis.url.unwrap().expose_secret(), "redis://:p%40ss@redis:6379");
    for host in ["fd00::5", "[fd00::5]"] {
        let given = [("REDIS_HOST", host), ("REDIS_PORT", "6380"), ("FAL_KEY", "id:secret")];
        let config = Config::load(&Source::of(given), Part::Worker).unwrap();
        assert_eq!(config.redis.url.unwrap().expose_secret(), "redis://[fd00::5]:6380");
    }
}

#[test]
fn files_of_keys_and_logins_are_read_before_anything_else() {
    let missing = [("COMPONENT_KEY", "no/such.pub"), ("REGISTRY_AUTH_FILE", "no/such.json")];
    assert_eq!(problems(&missing, Part::Up), ["COMPONENT_KEY", "REGISTRY_AUTH_FILE"]);
    let other = [("COMPONENT_KEY", "Cargo.toml"), ("REGISTRY_AUTH_FILE", "Cargo.toml")];
    assert_eq!(problems(&other, Part::Up), ["COMPONENT_KEY", "REGISTRY_AUTH_FILE"]);
}

#[test]
fn a_certificate_comes_with_its_key() {
    assert_eq!(problems(&[("TLS_CERT_FILE", "c.pem")], Part::Up), ["TLS_KEY_FILE"]);
    assert_eq!(problems(&[("TLS_KEY_FILE", "k.pem")], Part::Up), ["TLS_CERT_FILE"]);
    assert!(problems(&[("TLS_CERT_FILE", "c.pem"), ("TLS_KEY_FILE", "k.pem")], Part::Up).is_empty());
}

#[test]
fn a_cell_has_a_prefix_with_a_hash_tag() {
    let of = |values: &[(&str, &str)]| Config::load(&Source::of(values.iter().copied()), Part::Up).unwrap();
    let single = of(&[]);
    assert_eq!((single.redis.keys.prefix(), single.redis.wait_replicas), ("", 0));
    let cell = of(&[("REDIS_KEY_PREFIX", "{p1}:"), ("REDIS_WAIT_REPLICAS", "1"), ("REDIS_URL", "rediss://h")]);
    assert_eq!((cell.redis.keys.prefix(), cell.redis.wait_replicas), ("{p1}:", 1));
    for bad in ["p1:", "{p1}", "{}:", "{a}{b}:"] {
        assert_eq!(problems(&[("REDIS_KEY_PREFIX", bad)], Part::Up), ["REDIS_KEY_PREFIX"], "{bad}");
    }
}

#[test]
fn the_gateway_is_a_host_and_not_a_place_below_one() {
    let blobs = |url| {
        let values = [("REDIS_URL", "redis://h"), ("BLOB_TOKEN", "long-enough-a-token"), ("BLOB_URL", url)];
        problems(&values, Part::Serve)
    };
    for good in ["http://blobs", "http://blobs:3001/", "https://10.0.0.5:3001"] {
        assert!(blobs(good).is_empty(), "{good}");
    }
    for bad in ["http://blobs/files", "http://blobs/a/b/", "http://user@blobs", "http://blobs/#x", "http://blobs?x"] {
        assert_eq!(blobs(bad), ["BLOB_URL"], "{bad}");
    }
}

const COLLECTOR: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

/// Where spans and metrics go.
fn destinations(values: &[(&str, &str)]) -> [Option<Destination>; 2] {
    let loaded = Config::load(&Source::of(values.iter().copied()), Part::Up);
    let to = loaded.map(|Config { telemetry, .. }| [telemetry.traces.map(|t| t.to), telemetry.metrics.map(|m| m.to)]);
    to.unwrap_or_default()
}

#[test]
fn spans_and_metrics_go_where_it_is_said_of_each() {
    let to = |values: &[(&str, &str)]| {
        destinations(values).map(|to| to.map(|to| to.endpoint.to_string()).unwrap_or_default())
    };
    let [traces, metrics] = ["http://collector:4318/v1/traces", "http://collector:4318/v1/metrics"];
    let elsewhere = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://metrics:9090/api/?dataset=a%2Fb");
    assert_eq!(to(&[]), ["", ""]);
    assert_eq!(to(&[COLLECTOR]), [traces, metrics]);
    assert_eq!(to(&[COLLECTOR, elsewhere]), [traces, elsewhere.1]);
    assert_eq!(to(&[elsewhere]), ["", elsewhere.1]);
    assert_eq!(
        to(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/in/")]),
        ["http://t/in/", ""],
        "nothing is taken away"
    );
    assert_eq!(to(&[COLLECTOR, ("OTEL_METRICS_EXPORTER", "none")]), [traces, ""]);
    assert_eq!(to(&[COLLECTOR, ("OTEL_TRACES_EXPORTER", "none")]), ["", metrics]);
    assert_eq!(to(&[COLLECTOR, elsewhere, ("OTEL_SDK_DISABLED", "True")]), ["", ""]);
    let wrong = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@collector"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://secret@collector/v1/traces"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x key=secret"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-key=a%0Ab"),
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
    ];
    assert_eq!(problems(&wrong, Part::Up), wrong.map(|(name, _)| name));
}

#[test]
fn a_key_goes_to_the_collector_that_it_is_for_and_is_not_printed() {
    let headers = |values: &[(&str, &str)]| {
        destinations(values).map(|to| {
            let to = to.unwrap();
            assert!(!format!("{to:?}").contains("secret"), "{to:?}");
            to.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect::<Vec<_>>()
        })
    };
    let both = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret, X-Tenant=a%20b");
    let one = ["x-key: secret", "x-tenant: a b"];
    assert_eq!(headers(&[COLLECTOR]), [[""; 0]; 2]);
    assert_eq!(headers(&[COLLECTOR, both]), [one, one]);
    let [traces, metrics] = headers(&[COLLECTOR, both, ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "authorization=secret")]);
    assert_eq!((traces, metrics), (one.map(str::to_owned).to_vec(), vec!["authorization: secret".to_owned()]));
}

#[test]
fn secrets_are_not_shown() {
    let values = [
        ("API_KEY", "topsecret-key"),
        ("FAL_KEY", "id:topsecret"),
        ("REDIS_URL", "redis://:topsecret@h"),
        ("TOKEN_SECRET", "topsecret-topsecret"),
        ("BLOB_TOKEN", "topsecret-topsecret"),
    ];
    let source = Source::of(values);
    let shown = format!("{source:?} {:?}", Config::load(&source, Part::Up).unwrap());
    assert!(!shown.contains("topsecret"), "{shown}");
}

fn wiring() -> Wiring {
    Wiring {
        redis_url: "redis://:pw@127.0.0.1:7000/0".into(),
        blob_url: "http://127.0.0.1:3001".to_owned(),
        blob_token: "token".into(),
        token_secret: "secret".into(),
        more_result_hosts: vec!["127.0.0.1".to_owned()],
    }
}

#[test]
fn what_is_given_by_a_variables_own_name_is_anothers_or_known_to_contradict() {
    let given = [
        ("API_KEY", "k"),
        ("SPIN_VARIABLE_API_KEY", "another"),
        ("SPIN_VARIABLE_ADMIN_API_KEY", ""),
        ("ADMIN_API_KEY", "admin"),
        ("SPIN_VARIABLE_ENVIRONMENT", "development"),
        ("SPIN_VARIABLE_OF_ANOTHER", "x"),
    ];
    let config = Config::load(&Source::of(given), Part::Up).unwrap();
    let (own, given) = (spin_variables(&config, &wiring()), given_variables(&config));
    let of = |name: &str| (own[name].as_str(), given[name].as_str());
    assert_eq!([of("api_key"), of("admin_api_key"), of("of_another")], [("k", "another"), ("admin", ""), ("x", "x")]);
    assert!(!given.contains_key("redis_url"));
    assert_eq!(contradicted(&config, &wiring()), ["api_key"]);
}

#[test]
fn every_variable_of_the_manifest_gets_a_value() {
    let config = Config::load(&Source::of([("FAL_MODEL_ENDPOINT", "a/b")]), Part::Up).unwrap();
    let values = spin_variables(&config, &wiring());
    assert_eq!(values["redis_allowed_host"], "redis://127.0.0.1:7000");
    assert!(values["result_hosts"].ends_with(",127.0.0.1"));
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../spin.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let mut declared: Vec<_> = manifest["variables"].as_table().unwrap().keys().cloned().collect();
    let mut given: Vec<_> = values.into_keys().collect();
    declared.sort();
    given.sort();
    assert_eq!(given, declared);
}

#[test]
fn a_dotenv_is_read_and_strange_names_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "# comment\nMAX_FILES_PER_BATCH=\"7\"\nMAX_FILES_PER_BACH=8\n").unwrap();
    let source = Source::of_process(folder.path()).unwrap();
    assert_eq!(source.unknown_names(), ["MAX_FILES_PER_BACH"]);
    assert_eq!(Config::load(&source, Part::Up).unwrap().limits.max_files_per_batch, 7);
}

#[test]
fn the_documents_are_what_the_table_says() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap_or_default();
    assert!(read("docs/configuration.md") == markdown(), "run: image2model config docs > docs/configuration.md");
    assert!(read(".env.example") == env_example(), "run: image2model config example > .env.example");
}
