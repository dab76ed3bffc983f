//! Lists of jobs: every job once, in order, whatever is made or expires meanwhile.

use anyhow::Result;
use image2model_domain::commands::{JobPlace, ListJobs};
use image2model_domain::{JobId, JobStatus};

use crate::support::Parts;

const ALL: ListJobs<'static> =
    ListJobs { tenant: Some("t"), limit: 100, looks: 500, status: None, file_name: None, after: None };

async fn pages(parts: &Parts, query: &ListJobs<'_>, limit: u32) -> Result<Vec<Vec<JobId>>> {
    let (mut pages, mut after): (_, Option<JobPlace>) = (Vec::new(), None);
    loop {
        let page = parts.store.run(&ListJobs { limit, after: after.as_ref(), ..query.clone() }).await?;
        pages.push(page.jobs.iter().map(|job| job.id.clone()).collect());
        after = page.next;
        if after.is_none() {
            return Ok(pages);
        }
        // Somebody uploads between two pages.
        parts.upload(&["meanwhile.png"]).await?;
    }
}

#[tokio::test]
async fn pages_are_stable_while_jobs_are_made() -> Result<()> {
    let parts = Parts::start().await?;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(parts.upload(&["a.png"]).await?);
    }
    let keys = parts.store.keys().clone();
    // All in one millisecond: ties are the worst case.
    for job in &made {
        parts.store.query::<()>(redis::cmd("ZADD").arg(keys.jobs_of("t")).arg(1000).arg(job.as_str())).await?;
    }
    made.sort();
    made.reverse();
    let seen: Vec<JobId> = pages(&parts, &ALL, 2).await?.concat();
    assert_eq!(seen, made);
    Ok(())
}

#[tokio::test]
async fn an_expired_job_is_taken_out_and_its_place_still_holds() -> Result<()> {
    let parts = Parts::start().await?;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(parts.upload(&["a.png"]).await?);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    made.reverse();
    let first = parts.store.run(&ListJobs { limit: 2, ..ALL }).await?;
    assert_eq!(first.next.as_ref().map(|place| &place.job), Some(&made[1]));
    let keys = parts.store.keys().clone();
    parts.store.query::<()>(redis::cmd("DEL").arg(keys.job(&made[1])).arg(keys.job(&made[2]))).await?;
    // Looking from the start on takes the two out; the cursor that names one of them is as good as before.
    assert_eq!(parts.store.run(&ALL).await?.jobs.len(), 3);
    let rest = parts.store.run(&ListJobs { after: first.next.as_ref(), ..ALL }).await?;
    let ids: Vec<JobId> = rest.jobs.into_iter().map(|job| job.id).collect();
    assert_eq!((ids, rest.next), (made[3..].to_vec(), None));
    let kept: u64 = parts.store.query(redis::cmd("ZCARD").arg(keys.jobs_of("t"))).await?;
    assert_eq!(kept, 3);
    // Who never lists has no use for them either: every new job makes the oldest go.
    parts.store.query::<()>(redis::cmd("DEL").arg(keys.job(&made[3])).arg(keys.job(&made[4]))).await?;
    parts.upload(&["a.png"]).await?;
    for list in [keys.jobs_of("t"), keys.jobs()] {
        let left: u64 = parts.store.query(redis::cmd("ZCARD").arg(&list)).await?;
        assert_eq!(left, if list == keys.jobs() { 4 } else { 2 }, "{list}");
    }
    Ok(())
}

#[tokio::test]
async fn filters_find_the_needle() -> Result<()> {
    let parts = Parts::start().await?;
    let needle = parts.upload(&["a.png", "The Chair.png"]).await?;
    for _ in 0..5 {
        parts.upload(&["b.png"]).await?;
    }
    let by_name = ListJobs { file_name: Some("chAIR"), ..ALL };
    let found = parts.store.run(&by_name).await?;
    assert_eq!(found.jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), [&needle]);
    assert_eq!((found.jobs[0].total, found.jobs[0].first_file.as_str(), found.next), (2, "a.png", None));
    // Bounded looks: nothing yet, but a place to go on from.
    let short = parts.store.run(&ListJobs { looks: 3, ..by_name.clone() }).await?;
    assert!(short.jobs.is_empty());
    let further = parts.store.run(&ListJobs { after: short.next.as_ref(), ..by_name }).await?;
    assert_eq!(further.jobs.len(), 1);
    let by_status = |status| ListJobs { status: Some(status), ..ALL };
    assert_eq!(parts.store.run(&by_status(JobStatus::Pending)).await?.jobs.len(), 6);
    assert_eq!(parts.store.run(&by_status(JobStatus::Failed)).await?.jobs.len(), 0);
    let other = ListJobs { tenant: Some("somebody else"), ..ALL };
    assert_eq!(parts.store.run(&other).await?.jobs.len(), 0);
    assert_eq!(parts.store.run(&ListJobs { tenant: None, ..ALL }).await?.jobs.len(), 6);
    Ok(())
}
