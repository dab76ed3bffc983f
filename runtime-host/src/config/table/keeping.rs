//! What is kept: the jobs in Redis, the bytes on disk.

use super::{ADDRESS, FOLDER, URL};
use crate::config::variable::Group::{Blobs, Redis};
use crate::config::variable::{Variable, secret, value, words};

pub(super) const VARIABLES: &[Variable] = &[
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
];
