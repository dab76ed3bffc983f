//! Reconnections: exactly what was missed, from every place a connection can break at.

use super::client::{Event, ids, listen};
use super::world::{World, plain, task};

/// Every event of a finished job in this form, as one who saw it all from the first entry on has it.
async fn all(world: &World, path: &str, first: &str) -> Vec<Event> {
    listen(world.addr, path, Some(first)).await.rest().await
}

async fn resumes_everywhere(world: &World, path: &str, first: &str) -> Vec<Event> {
    let events = all(world, path, first).await;
    for (i, event) in events.iter().enumerate() {
        let mut client = listen(world.addr, path, Some(&event.id)).await;
        if i + 1 == events.len() {
            assert_eq!(client.status, 204);
        } else {
            assert_eq!(client.rest().await, events[i + 1..], "after {}", event.id);
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_at_any_place_loses_nothing_in_either_form() {
    let world = World::new().await;
    let job = world.finished().await;
    let kept = world.kept(&job).await;
    let plain_events = resumes_everywhere(&world, &plain(&job), &kept[0]).await;
    assert_eq!(ids(&plain_events), kept[1..]);
    let named = resumes_everywhere(&world, &task(&job), &kept[0]).await;
    assert!(named.len() > plain_events.len());
    assert_eq!(world.streams.stats().resets, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_inside_an_entry_counts_as_before_it_in_the_other_form() {
    let world = World::new().await;
    let job = world.finished().await;
    let kept = world.kept(&job).await;
    let events = listen(world.addr, &plain(&job), Some(&format!("{}.1", kept[3]))).await.rest().await;
    assert_eq!(ids(&events), kept[3..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_may_be_given_in_the_query_and_the_header_is_newer() {
    let world = World::new().await;
    let job = world.finished().await;
    let kept = world.kept(&job).await;
    for name in ["last_event_id", "lastEventId"] {
        let path = format!("{}?{name}={}", plain(&job), kept[4]);
        assert_eq!(ids(&listen(world.addr, &path, None).await.rest().await), kept[5..]);
        assert_eq!(ids(&listen(world.addr, &path, Some(&kept[6])).await.rest().await), kept[7..]);
        assert_eq!(ids(&listen(world.addr, &path, Some("")).await.rest().await), kept[5..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_broke_off_goes_on_while_it_is_the_present_state() {
    let world = World::new().await;
    let (job, _held) = world.running(3).await;
    for path in [plain(&job), task(&job)] {
        let told = listen(world.addr, &path, None).await.take(3).await;
        let rest = listen(world.addr, &path, Some(&told[0].id)).await.take(2).await;
        assert_eq!(ids(&rest), ids(&told)[1..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_broke_off_is_taken_again_when_more_has_happened() {
    let world = World::new().await;
    let (job, held) = world.running(3).await;
    let broken = listen(world.addr, &plain(&job), None).await.take(2).await.pop().unwrap();
    world.progress(&held[0], 60).await;
    let again = listen(world.addr, &plain(&job), Some(&broken.id)).await.take(3).await;
    assert_eq!(again.iter().map(|e| e.kind()).collect::<Vec<_>>(), ["progress"; 3]);
    assert_eq!(again[0].data["progress"], 60);
    assert_eq!(Some(&again[2].id), world.kept(&job).await.last());
    assert_eq!(world.streams.stats().resets, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_replay_goes_on_into_live_events() {
    let world = World::new().await;
    let (job, held) = world.running(1).await;
    for i in 0..200 {
        world.log(&held[0], &i.to_string()).await;
    }
    let kept = world.kept(&job).await;
    let mut client = listen(world.addr, &plain(&job), Some(&kept[0])).await;
    assert_eq!(ids(&client.take(200).await), kept[1..]);
    world.complete(&held[0]).await;
    assert_eq!(ids(&client.rest().await), world.kept(&job).await[201..]);
}
