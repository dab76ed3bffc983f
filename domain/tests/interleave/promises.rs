//! What must hold, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use image2model_domain::queue::Queue;
use image2model_domain::record::JobRecord;
use serde_json::Value;

use crate::world::World;

/// What is leased, counted and waiting is the same seen from everywhere. Holds at any moment.
pub fn books_agree(world: &mut World<'_>) {
    let keys = world.redis().keys().clone();
    let running: Vec<String> = world.redis().query(&["ZRANGE", &keys.queue_running(), "0", "-1"]);
    let unsent: Vec<String> = world.redis().query(&["SMEMBERS", &keys.queue_unsent()]);
    assert!(unsent.iter().all(|entry| running.contains(entry)), "{unsent:?} are not all in {running:?}");
    let by_tenant: BTreeMap<String, usize> = world.redis().query(&["HGETALL", &keys.queue_running_by_tenant()]);
    assert_eq!(by_tenant.values().sum::<usize>(), running.len(), "{by_tenant:?} {running:?}");
    assert!(by_tenant.values().all(|count| *count > 0), "{by_tenant:?}");
    for lane in Queue::LANES {
        let waiting: Vec<String> = world.redis().query(&["ZRANGE", &keys.queue_waiting(lane), "0", "-1"]);
        let mut lined_up = Vec::new();
        let ring: BTreeSet<String> = world.redis().query(&["ZRANGE", &keys.queue_ring(lane), "0", "-1"]);
        for tenant in ["t", "u", "v"] {
            let line: Vec<String> = world.redis().query(&["ZRANGE", &keys.queue_line(lane, tenant), "0", "-1"]);
            assert_eq!(ring.contains(tenant), !line.is_empty(), "{tenant} in {lane:?}: {line:?}");
            lined_up.extend(line);
        }
        assert_eq!(
            waiting.into_iter().collect::<BTreeSet<_>>(),
            lined_up.iter().cloned().collect::<BTreeSet<_>>(),
            "{lane:?}"
        );
        assert!(lined_up.iter().all(|entry| !running.contains(entry)), "{lined_up:?} {running:?}");
    }
}

/// Whatever a job that was deleted has or may have at FAL is remembered, so that it is cancelled and what it costs counted.
pub fn nothing_goes_on_unseen(world: &mut World<'_>, deleted: &JobRecord) {
    let orphans = world.redis().keys().queue_orphans();
    let remembered: Vec<String> = world.redis().query(&["ZRANGE", &orphans, "0", "-1"]);
    for file in deleted.files.iter().filter(|file| !file.status.is_terminal()) {
        let request = file.fal_request_id.as_ref().or(file.intent.as_ref());
        assert!(request.is_none_or(|id| remembered.contains(id)), "{request:?} is not among {remembered:?}");
    }
}

/// Holds when everything has come to its end.
pub fn all_kept(world: &mut World<'_>, records: &BTreeMap<String, JobRecord>) {
    books_agree(world);
    at_rest(world);
    one_bill_an_image(world);
    for job in records.values() {
        one_end(world, job);
    }
    one_slot(world);
}

/// Nothing is leased, counted or waiting.
fn at_rest(world: &mut World<'_>) {
    let keys = world.redis().keys().clone();
    for key in [keys.queue_running(), keys.queue_delayed(), keys.queue_unsent(), keys.queue_running_by_tenant()]
        .into_iter()
        .chain(Queue::LANES.into_iter().flat_map(|lane| [keys.queue_waiting(lane), keys.queue_ring(lane)]))
    {
        let there: u32 = world.redis().query(&["EXISTS", &key]);
        assert_eq!(there, 0, "{key} is left");
    }
    for open in ["open:pending", "open:processing"] {
        let count: Option<i64> = world.redis().query(&["HGET", &keys.counters(), open]);
        assert_eq!(count.unwrap_or_default(), 0, "{open}");
    }
}

/// One bill an image; where policy let a second request out, that was counted.
fn one_bill_an_image(world: &mut World<'_>) {
    let files: BTreeSet<&str> = world.fal.requests.iter().map(|request| request.file.as_str()).collect();
    let twice: Vec<(&str, usize)> =
        files.into_iter().map(|file| (file, world.fal.bills(file))).filter(|(_, bills)| *bills > 1).collect();
    let allowed = world.fal.blind && world.resubmits;
    assert!(allowed || twice.is_empty(), "billed more than once: {twice:?} of {:?}", world.fal.requests);
    let in_vain: usize = twice.iter().map(|(_, bills)| bills - 1).sum();
    let counters = world.redis().keys().counters();
    let counted: Option<usize> = world.redis().query(&["HGET", &counters, "possible_duplicates"]);
    assert!(counted.unwrap_or_default() >= in_vain, "{in_vain} paid in vain, {counted:?} counted");
}

/// Every file ended once for each time it was put in line, and the job each time with its last file.
fn one_end(world: &mut World<'_>, job: &JobRecord) {
    let key = world.redis().keys().job_events(&job.id);
    let stream: redis::streams::StreamRangeReply = world.redis().query(&["XRANGE", &key, "-", "+"]);
    let events: Vec<Value> =
        stream.ids.iter().map(|entry| serde_json::from_str(&entry.get::<String>("data").unwrap()).unwrap()).collect();
    let (mut ends, mut open) = (BTreeMap::<(String, u64), u32>::new(), true);
    for event in &events {
        let (kind, status) = (event["type"].as_str().unwrap(), event["status"].as_str().unwrap_or_default());
        match event["file_id"].as_str() {
            None if kind == "job" => {
                assert!(open, "the job ended twice: {events:#?}");
                open = false;
            }
            Some(file) if matches!(status, "completed" | "failed" | "cancelled") && kind != "progress" => {
                assert!(open, "a file of a job that had ended: {events:#?}");
                *ends.entry((file.to_owned(), event["restarts"].as_u64().unwrap())).or_default() += 1;
            }
            Some(_) if status == "pending" => open = true,
            _ => {}
        }
    }
    assert!(!open, "the job never ended: {events:#?}");
    for file in &job.files {
        assert!(file.status.is_terminal());
        for restart in 0..=u64::from(file.restarts) {
            let times = ends.get(&(file.id.to_string(), restart)).copied().unwrap_or_default();
            assert_eq!(times, 1, "ends of {} in its run {restart}: {events:#?}", file.id);
        }
    }
    let count = |status: &str| job.files.iter().filter(|file| file.status.as_str() == status).count();
    let of_files = [count("completed"), count("failed"), count("cancelled")];
    let of_job = [job.completed, job.failed, job.cancelled].map(|n| usize::try_from(n).unwrap());
    assert_eq!(of_files, of_job);
}

/// Every key lies in the slot of the partition's tag.
fn one_slot(world: &mut World<'_>) {
    let all: Vec<String> = world.redis().query(&["KEYS", "*"]);
    let expected = slot("{p1}:");
    for key in all.iter().filter(|key| !key.starts_with("test:")) {
        assert_eq!(slot(key), expected, "{key}");
    }
}

/// The slot of a key in Redis Cluster: CRC16 (XMODEM) over its tag.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or(key, |(tag, _)| tag);
    let tag = if tag.is_empty() { key } else { tag };
    let crc = tag.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    });
    crc % 16384
}

#[test]
fn slots_are_those_of_redis() {
    assert_eq!((slot("123456789"), slot("{user1000}.following")), (0x31C3, slot("user1000")));
}
