//! First connections: the present state, then what happens, then the end.

use std::time::Duration;

use super::client::{ids, listen};
use super::world::{World, plain, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_connection_gets_the_present_state_then_everything_then_the_end() {
    let world = World::new().await;
    let (job, held) = world.running(2).await;
    world.progress(&held[0], 30).await;
    let newest = world.kept(&job).await.pop().unwrap();

    let mut client = listen(world.addr, &format!("{}/", plain(&job)), None).await;
    assert_eq!(client.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(client.headers[name], value);
    }
    assert_eq!(client.headers["x-request-id"].len(), 32);

    let state = client.take(2).await;
    assert_eq!(client.retry.len(), 1);
    assert!((2000..=5000).contains(&client.retry[0]));
    assert_eq!(state[0].data["progress"], 30);
    assert_eq!(state[0].data["status"], "processing");
    assert_eq!(ids(&state), [format!("{newest}.s1"), newest]);

    world.progress(&held[1], 50).await;
    world.complete(&held[0]).await;
    world.fail(&held[1]).await;
    let live = client.rest().await;
    assert_eq!(live.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["progress", "completed", "error", "job"]);
    assert_eq!(live[3].data["status"], "partially_completed");
    assert_eq!(live[3].data["overall_progress"], 100);
    assert_eq!(ids(&live), world.kept(&job).await.split_off(2));

    assert_eq!(listen(world.addr, &plain(&job), Some(&live[3].id)).await.status, 204);
    world.until_open(0).await;
    assert!(world.streams.hub().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_tells_its_state_and_closes() {
    let world = World::new().await;
    let job = world.finished().await;
    let events = listen(world.addr, &plain(&job), None).await.rest().await;
    assert_eq!(events.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["completed", "error", "job"]);
    let last = &events[2].id;
    assert_eq!(Some(last), world.kept(&job).await.last());
    assert_eq!(listen(world.addr, &plain(&job), Some(last)).await.status, 204);
    assert_eq!(listen(world.addr, &format!("{}?last_event_id={last}", plain(&job)), None).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_named_form_speaks_the_originals_words() {
    let world = World::new().await;
    let job = world.job(1).await;
    let mut client = listen(world.addr, &task(&job), None).await;
    let state = client.take(2).await;
    assert_eq!(state.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["task_queued", "file_update"]);
    assert_eq!(state[0].data["task_id"], job.as_task_id());

    let held = world.claim().await;
    world.progress(&held[0], 40).await;
    world.complete(&held[0]).await;
    let live = client.rest().await;
    let names = ["file_update", "task_progress", "file_update", "task_progress", "task_completed"];
    assert_eq!(live.iter().map(|e| e.kind()).collect::<Vec<_>>(), names);
    let kept = world.kept(&job).await;
    assert_eq!(ids(&live)[..2], [format!("{}.1", kept[1]), kept[1].clone()]);
    assert_eq!(live[1].data["progress"], 40);
    assert_eq!(live[4].id, kept[3]);
    assert_eq!(
        (&live[4].data["message"], &live[4].data["result"]["successful_files"]),
        (&"Every model is ready".into(), &1.into())
    );
    // Who comes when it has ended is told of nothing that goes on.
    let late = listen(world.addr, &task(&job), None).await.rest().await;
    assert_eq!(late.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["file_update", "task_completed"]);
    assert_eq!((&late[1].id, &late[1].data["result"]), (&kept[3], &live[4].data["result"]));
    assert_eq!(listen(world.addr, &task(&job), Some(&kept[3])).await.status, 204);
}

/// Clients connect all the while events are published: each sees exactly what followed its starting place, once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_and_nothing_comes_twice_however_a_client_connects() {
    let world = World::new().await;
    for _ in 0..6 {
        let (job, held) = world.running(1).await;
        let first = world.kept(&job).await.remove(0);
        let client = |i: u64| {
            let (addr, path, first) = (world.addr, plain(&job), first.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(700 * i)).await;
                let resumed = i.is_multiple_of(2);
                let mut client = listen(addr, &path, resumed.then_some(first.as_str())).await;
                let after = if resumed { first } else { client.take(1).await.remove(0).id };
                (after, client.rest().await)
            })
        };
        let clients: Vec<_> = (0..24).map(client).collect();
        for i in 0..99 {
            world.progress(&held[0], i).await;
            world.log(&held[0], "x").await;
        }
        world.complete(&held[0]).await;
        let kept = world.kept(&job).await;
        for client in clients {
            let (after, events) = client.await.unwrap();
            let place = kept.iter().position(|id| *id == after).unwrap();
            // Who comes when the job has ended is told so by the snapshot, which is whole then.
            let expected = &kept[place + 1..];
            let seen: Vec<&str> = ids(&events);
            assert_eq!(seen, expected, "after {after}");
        }
    }
}
