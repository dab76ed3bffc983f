//! The table of variables: name, default, what is expected, meaning. The seeds' names are kept.

/// What a group of variables is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Where the host listens and keeps things.
    Host,
    /// Who may do what.
    Access,
    /// How much.
    Limits,
    /// Redis.
    Redis,
    /// The bytes.
    Blobs,
    /// FAL.AI.
    Fal,
    /// Calls to the owners of jobs.
    Webhooks,
}

impl Group {
    /// In the order of the document.
    pub(super) const ALL: [Self; 7] =
        [Self::Host, Self::Access, Self::Limits, Self::Redis, Self::Blobs, Self::Fal, Self::Webhooks];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Host => "The host",
            Self::Access => "Who may do what",
            Self::Limits => "Limits",
            Self::Redis => "Redis",
            Self::Blobs => "Images and models",
            Self::Fal => "FAL.AI",
            Self::Webhooks => "Webhooks",
        }
    }
}

/// What holds when a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// Something that depends, in words.
    Words(&'static str),
}

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// As it is set.
    pub name: &'static str,
    /// Where it stands in the document.
    pub group: Group,
    /// When it is not set.
    pub fallback: Fallback,
    /// What values there are.
    pub expects: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Never printed.
    pub secret: bool,
}

const fn value(
    group: Group,
    name: &'static str,
    fallback: &'static str,
    expects: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable { name, group, fallback: Fallback::Value(fallback), expects, meaning, secret: false }
}

const fn words(
    group: Group,
    name: &'static str,
    fallback: &'static str,
    expects: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable { name, group, fallback: Fallback::Words(fallback), expects, meaning, secret: false }
}

const fn secret(variable: Variable) -> Variable {
    Variable { secret: true, ..variable }
}

const ADDRESS: &str = "an address and port such as 127.0.0.1:3000";
const FOLDER: &str = "a folder";
const URL: &str = "an http:// or https:// URL";
const COUNT: &str = "a whole number, 0 for no limit";

use Group::{Access, Blobs, Fal, Host, Limits, Redis, Webhooks};

/// Every variable, in the order of the document.
pub const VARIABLES: &[Variable] = &[
    value(
        Host,
        "ENVIRONMENT",
        "development",
        "development, testing, staging or production",
        "Outside development the host refuses to start without a key.",
    ),
    value(
        Host,
        "LISTEN",
        "127.0.0.1:3000",
        ADDRESS,
        "Where the application is served; port 0 takes a free one. `--listen` says the same.",
    ),
    value(
        Host,
        "DATA_DIR",
        "data",
        FOLDER,
        "Everything that must outlive the process: the private Redis, generated secrets, images and models. `--data-dir` says the same.",
    ),
    words(
        Host,
        "COMPILE_CACHE_DIR",
        "`compiled` in `DATA_DIR`",
        FOLDER,
        "Where compiled components are kept between starts. Hosts of one version may share it.",
    ),
    value(Host, "SPIN_MANIFEST", "spin.toml", "a file", "The Spin application to serve. `--manifest` says the same."),
    value(
        Host,
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace (Python's names are understood)",
        "How much is logged.",
    ),
    value(Host, "LOG_FORMAT", "auto", "auto, compact or json", "`auto` is compact in development and JSON elsewhere."),
    value(
        Host,
        "ACCESS_LOG",
        "store",
        "store, all or off",
        "Requests, a line each: kept for `/api/v1/logs`; `all` shows them with the other lines too.",
    ),
    value(
        Host,
        "LOG_STORE_MAX_ENTRIES",
        "20000",
        "a whole number from 0 to 1000000, 0 for none",
        "About how many entries of each log Redis keeps for `/api/v1/logs`; an entry takes about half a kilobyte.",
    ),
    value(
        Host,
        "LOG_STORE_RETENTION_DAYS",
        "7",
        "a whole number from 1 to 365",
        "How long log entries and their counts are kept, in days.",
    ),
    value(
        Host,
        "SHUTDOWN_GRACE_SECONDS",
        "30",
        "a whole number from 1 to 600",
        "How long a stop waits for requests, streams and claimed files, in seconds.",
    ),
    value(Host, "STREAM_LISTEN", "127.0.0.1:3002", ADDRESS, "Where `image2model stream` listens."),
    words(
        Host,
        "STREAM_URL",
        "not used",
        URL,
        "Public address of the stream server when it stands apart without a proxy in front: the status component redirects there.",
    ),
    secret(words(
        Access,
        "API_KEY",
        "none",
        "a key; make it long and random",
        "Opens the user routes. Without any key, development lets everybody in.",
    )),
    secret(words(Access, "ADMIN_API_KEY", "none", "a key; make it long and random", "Opens every route.")),
    secret(words(
        Access,
        "TOKEN_SECRET",
        "generated once by `up`; else derived from the keys",
        "at least 16 characters",
        "Signs the jobs' access tokens. The same on every host.",
    )),
    value(
        Access,
        "JOB_ACCESS",
        "open",
        "open or owner",
        "`open`: whoever knows a job's id may follow it. `owner`: only its key, or its access token.",
    ),
    words(
        Access,
        "ALLOWED_ORIGINS",
        "none",
        "origins such as https://app.example.org between commas, or *",
        "Sites whose pages may call from a browser.",
    ),
    words(
        Access,
        "TRUSTED_PROXIES",
        "none",
        "IP addresses or networks such as 10.0.0.0/8, between commas",
        "Proxies whose `X-Forwarded-For` is believed.",
    ),
    value(Limits, "RATE_LIMIT_PER_MINUTE", "60", COUNT, "Requests a minute of one caller."),
    value(Limits, "RATE_LIMIT_PER_HOUR", "1000", COUNT, "Requests an hour of one caller."),
    value(Limits, "RATE_LIMIT_UPLOADS_PER_MINUTE", "10", COUNT, "Uploads a minute of one caller."),
    value(
        Limits,
        "RATE_LIMIT_WRONG_KEYS_PER_MINUTE",
        "10",
        "a whole number from 1",
        "Wrong keys that one address may try in a minute.",
    ),
    value(
        Limits,
        "MAX_UPLOAD_SIZE",
        "10485760",
        "a whole number of bytes from 1024 to 1073741824",
        "The largest image, in bytes.",
    ),
    value(Limits, "MAX_FILES_PER_BATCH", "25", "a whole number from 1 to 1000", "Images in one upload."),
    value(
        Limits,
        "UPLOAD_TIMEOUT_SECONDS",
        "20",
        "a whole number from 1 to 25",
        "How long an upload may go without a byte, in seconds; for each KiB that has come it may take one second more.",
    ),
    value(
        Limits,
        "MAX_QUEUED_FILES",
        "10000",
        "a whole number from 1",
        "Files that may wait, over all callers; more are refused for the moment.",
    ),
    value(
        Limits,
        "JOB_TTL_SECONDS",
        "86400",
        "a whole number from 60",
        "How long a job is kept after its end, in seconds.",
    ),
    value(Limits, "MAX_STREAMS", "10000", "a whole number from 1", "Event streams open at a time on one host."),
    value(
        Limits,
        "MAX_STREAMS_PER_KEY",
        "1000",
        "a whole number from 1",
        "Event streams of one key on one host; a key may have as many on each of several hosts.",
    ),
    value(
        Limits,
        "MAX_STREAMS_PER_ADDRESS",
        "100",
        "a whole number from 1",
        "Event streams of one client address without a key, on one host.",
    ),
    secret(words(
        Redis,
        "REDIS_URL",
        "`up` starts a private server",
        "redis://[user:password@]host[:port][/database], or rediss:// for TLS",
        "The Redis that holds all jobs, or any node of a Redis Cluster.",
    )),
    words(
        Redis,
        "REDIS_HOST",
        "not used",
        "a host name or address",
        "Host of the Redis, when there is no `REDIS_URL`.",
    ),
    value(Redis, "REDIS_PORT", "6379", "a port from 1 to 65535", "Port to go with `REDIS_HOST`."),
    secret(words(Redis, "REDIS_PASSWORD", "none", "a password", "Password to go with `REDIS_HOST`.")),
    words(
        Redis,
        "REDIS_KEY_PREFIX",
        "none",
        "a prefix with one hash tag and a colon at its end, such as {p1}:",
        "What every key begins with, so that several deployments share one Redis. A Redis Cluster needs it: docs/operations.md, \"More than one Redis\".",
    ),
    value(
        Redis,
        "REDIS_WAIT_REPLICAS",
        "0",
        "a whole number from 0 to 9",
        "How many replicas of Redis have to know of a submission to FAL.AI before it is made, so that no failover makes it be paid twice.",
    ),
    value(
        Redis,
        "REDIS_WAIT_MILLISECONDS",
        "200",
        "a whole number from 10 to 5000",
        "How long these replicas may take; a submission that they do not know of by then is made later.",
    ),
    words(Blobs, "UPLOAD_DIR", "`uploads` in `DATA_DIR`", FOLDER, "Where uploaded images are kept."),
    words(Blobs, "RESULTS_DIR", "`results` in `DATA_DIR`", FOLDER, "Where models and previews are kept."),
    value(
        Blobs,
        "KEEP_RESULTS",
        "true",
        "true or false",
        "Whether models and previews are stored here; else they stay at FAL.AI, and downloads are redirected there.",
    ),
    value(
        Blobs,
        "MIN_FREE_DISK",
        "512MB",
        "an amount such as 512MB, 2GiB or a number of bytes, or a share such as 5%; 0 for none",
        "What is to stay free of the disk that takes the uploads. Below it uploads are refused and the service is not ready; results are still stored.",
    ),
    value(
        Blobs,
        "SWEEP_INTERVAL_SECONDS",
        "3600",
        "a whole number from 0 to 604800, 0 for never",
        "How often blobs that no job knows are looked for, in seconds; one host does it.",
    ),
    value(
        Blobs,
        "ORPHAN_AGE_SECONDS",
        "3600",
        "a whole number from 900 to 31536000",
        "How old a blob that no job knows must be to be removed, in seconds. Models are kept for `JOB_TTL_SECONDS` even so.",
    ),
    words(
        Blobs,
        "BLOB_LISTEN",
        "a free port on 127.0.0.1 (`worker`: none)",
        ADDRESS,
        "Where the internal gateway listens that components store images through. Set it on `image2model worker` beside Spin.",
    ),
    words(Blobs, "BLOB_URL", "an own gateway", URL, "Gateway of another host, in place of an own one."),
    secret(words(
        Blobs,
        "BLOB_TOKEN",
        "generated once",
        "at least 16 characters",
        "What callers of the gateway present.",
    )),
    secret(words(Fal, "FAL_KEY", "`up` simulates FAL.AI", "KEY_ID:KEY_SECRET", "The FAL.AI account that pays.")),
    value(Fal, "DEFAULT_MODEL", "tripo3d", "a provider's id", "Provider when the client names none."),
    words(
        Fal,
        "FAL_MODEL_ENDPOINT",
        "the provider's own",
        "an endpoint id such as tripo3d/tripo/v2.5/image-to-3d",
        "Endpoint at FAL that the default provider is asked at.",
    ),
    value(
        Fal,
        "MAX_CONCURRENT_TASKS",
        "100",
        "a whole number from 1 to 10000",
        "Models made at a time, over all workers.",
    ),
    value(
        Fal,
        "MAX_CONCURRENT_TASKS_PER_TENANT",
        "50",
        "a whole number from 1 to 10000",
        "Models made at a time for one caller, over all workers.",
    ),
    value(
        Fal,
        "MAX_STARTS_PER_MINUTE",
        "100",
        "a whole number from 1 to 100000",
        "Models started a minute, over all workers.",
    ),
    value(
        Fal,
        "TASK_DEADLINE_SECONDS",
        "1800",
        "a whole number from 10 to 86400",
        "How long one model may take, in seconds; then its request is cancelled at FAL, and the file fails unless the model is done by then.",
    ),
    value(
        Fal,
        "TASK_SOFT_DEADLINE_SECONDS",
        "1500",
        "a whole number from 1 to 86400",
        "How long one model may take before its owner is told that it takes longer than usual, in seconds.",
    ),
    value(
        Fal,
        "LEASE_SECONDS",
        "15",
        "a whole number from 3 to 600",
        "How long a worker holds a file without a sign of life, in seconds: a killed worker's files are taken over after that.",
    ),
    value(
        Fal,
        "UNCERTAIN_SUBMITS",
        "fail",
        "fail or resubmit-once",
        "What to do when it stays unknown whether FAL has accepted a request. `fail`: the file fails, nothing is ever paid twice. `resubmit-once`: one new request, at most one is paid in vain.",
    ),
    value(Fal, "FAL_QUEUE_URL", "https://queue.fal.run", URL, "FAL's queue API."),
    words(
        Fal,
        "FAL_QUEUE_BACKUP_URL",
        "`https://queue.falrun.com` beside FAL's own `FAL_QUEUE_URL`, else none",
        "an http:// or https:// URL, or none",
        "The same API at another domain, for calls to which the first gives no connection.",
    ),
    value(Fal, "FAL_REST_URL", "https://rest.fal.ai", URL, "FAL's storage API."),
    value(Fal, "FAL_API_URL", "https://api.fal.ai", URL, "FAL's platform API."),
    secret(words(
        Fal,
        "FAL_HISTORY_KEY",
        "`FAL_KEY`",
        "KEY_ID:KEY_SECRET",
        "A key of the same account that may read its request history, where `FAL_KEY` may not: a request whose answer was lost is found there.",
    )),
    words(
        Fal,
        "FAL_WEBHOOK_URL",
        "not used",
        URL,
        "Public address of this application, for FAL to tell there that a request has ended (`/api/v1/webhooks/fal`, signed). A short cut: requests are followed all the same.",
    ),
    value(
        Fal,
        "FAL_RESULT_HOSTS",
        "*.fal.media,fal.media,storage.googleapis.com",
        "host names between commas, *. for any subdomain",
        "Hosts that results are fetched from and redirected to.",
    ),
    value(
        Fal,
        "FAL_SIM_SPEED",
        "6",
        "a number from 0.1 to 1000",
        "How many times faster than FAL.AI the simulator is.",
    ),
    words(
        Webhooks,
        "WEBHOOK_ALLOWED_HOSTS",
        "none",
        "hosts such as hooks.lan or 10.0.0.7:8080, between commas",
        "Hosts that a `webhook_url` may name without https and at a private address. All others must be https and public.",
    ),
    value(
        Webhooks,
        "WEBHOOK_RETRY_SECONDS",
        "5",
        "a whole number from 1 to 3600",
        "Delay before the second call of a webhook that was not answered with 2xx; doubles up to an hour.",
    ),
    value(
        Webhooks,
        "WEBHOOK_MAX_ATTEMPTS",
        "15",
        "a whole number from 1 to 100",
        "Calls of one webhook before it is given up.",
    ),
];
