//! Streams handed from tasks to reactors and back while events come in: nothing is missed, and nothing comes twice.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Event, ids, listen};
use super::world::{World, plain, task};

/// The place after which a client began, and all it saw until the end.
async fn whole(world: &World, path: &str, after: Option<&str>) -> (String, Vec<Event>) {
    let mut client = listen(world.addr, path, after).await;
    let after = match after {
        Some(id) => id.to_owned(),
        None => client.take(1).await.remove(0).id,
    };
    (after, client.rest().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn handed_back_and_forth_in_a_storm_every_client_sees_everything_once() {
    let world = Arc::new(World::new().await);
    let (job, held) = world.running(1).await;
    let first = world.kept(&job).await.remove(0);
    let client = |i: u64| {
        let (world, path, first) = (world.clone(), plain(&job), first.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(3 * i)).await;
            whole(&world, &path, i.is_multiple_of(2).then_some(first.as_str())).await
        })
    };
    let clients: Vec<_> = (0..60).map(client).collect();
    for i in 0..300 {
        world.log(&held[0], "x").await;
        // Everybody who waits is sent back to read, most of them in the midst of news.
        if i % 7 == 0 {
            world.streams.hub().gap();
        }
    }
    world.complete(&held[0]).await;
    let kept = world.kept(&job).await;
    for client in clients {
        let (after, events) = client.await.unwrap();
        let place = kept.iter().position(|id| *id == after).unwrap();
        assert_eq!(ids(&events), kept[place + 1..], "after {after}");
    }
    assert!(world.streams.stats().rereads > 60);
    world.until_open(0).await;
    assert!(world.streams.hub().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_many_jobs_are_served_side_by_side() {
    let world = Arc::new(World::new().await);
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(world.running(1).await);
    }
    let mut clients = Vec::new();
    for (job, _) in &jobs {
        for path in [plain(job), task(job), plain(job)] {
            let world = world.clone();
            clients.push(tokio::spawn(async move { whole(&world, &path, None).await.1 }));
        }
    }
    world.until_open(24).await;
    for percent in 1..40 {
        for (_, held) in &jobs {
            world.progress(&held[0], percent).await;
        }
    }
    for (_, held) in &jobs {
        world.complete(&held[0]).await;
    }
    let mut seen = Vec::new();
    for client in clients {
        seen.push(client.await.unwrap());
    }
    for (i, (job, _)) in jobs.iter().enumerate() {
        let kept = world.kept(job).await;
        for plain in [&seen[3 * i], &seen[3 * i + 2]] {
            assert_eq!(ids(plain), kept[kept.len() - plain.len()..]);
            assert_eq!(plain.last().unwrap().kind(), "job");
        }
        let named = &seen[3 * i + 1];
        assert_eq!(named.last().unwrap().kind(), "task_completed");
        assert_eq!(named.last().unwrap().id, *kept.last().unwrap());
        let whole: Vec<_> = named.iter().map(|e| e.id.as_str()).filter(|id| !id.contains('.')).collect();
        assert!(whole.iter().all(|id| kept.iter().any(|k| k == id)));
    }
}
