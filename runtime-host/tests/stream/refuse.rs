//! Requests that get no stream, and why.

use image2model_domain::JobId;
use image2model_host::stream::{Budget, Level};

use super::client::{listen, send};
use super::world::{World, plain, task};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_the_common_shape() {
    let world = World::new().await;
    let unknown = JobId::from_random([9; 16]);
    for (path, status, code) in [
        (plain(&unknown), 404, "JOB_NOT_FOUND"),
        ("/api/v1/status/stream/nothing".to_owned(), 404, "JOB_NOT_FOUND"),
        ("/api/v1/status/tasks/nothing/stream".to_owned(), 400, "HTTP_400"),
        (format!("{}?timeout=0", task(&unknown)), 422, "VALIDATION_ERROR"),
        ("/api/v1/elsewhere".to_owned(), 404, "HTTP_404"),
    ] {
        let answer = send(world.addr, "GET", &path, &[("x-request-id", "mine")]).await;
        assert_eq!(answer.status, status, "{path}");
        let problem = answer.problem().await;
        assert_eq!(problem["error_code"], code, "{path}");
        assert_eq!(problem["request_id"], "mine");
    }
    assert_eq!(world.streams.stats().open, 0);
    assert!(world.streams.hub().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_events_is_told_so() {
    let world = World::new().await;
    let job = world.job(1).await;
    for (accept, status) in [
        ("application/json", 406),
        ("text/event-stream;q=0, */*", 406),
        ("text/html", 406),
        ("text/event-stream", 200),
        ("application/json, text/*;q=0.1", 200),
        ("*/*", 200),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = send(world.addr, method, &plain(&job), &[("accept", accept)]).await;
            assert_eq!(answer.status, status, "{method} {accept}");
        }
    }
    let refused = send(world.addr, "GET", &task(&job), &[("accept", "application/json")]).await;
    assert_eq!(refused.problem().await["error_code"], "NOT_ACCEPTABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_decides() {
    let world = World::new().await;
    let job = world.job(1).await;
    let path = format!("{}?access_token=t", plain(&job));
    let answer = send(world.addr, "GET", &path, &[("authorization", "nobody"), ("origin", "https://a.example")]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.headers["x-frame-options"], "DENY");
    assert_eq!(answer.problem().await["error_code"], "ACCESS_DENIED");
    let facts = world.guard.asked.lock().unwrap().pop().unwrap();
    assert_eq!((facts.level, facts.budget), (Level::Owner, Budget::Stream));
    assert_eq!(facts.route, "/api/v1/status/stream/:job_id");
    assert_eq!(facts.path, plain(&job));
    assert_eq!(facts.job_id.as_deref(), Some(job.as_str()));
    assert_eq!(facts.access_token.as_deref(), Some("t"));
    assert_eq!(facts.origin.as_deref(), Some("https://a.example"));
    assert_eq!(facts.client_address, "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_of_a_file_is_judged_and_served_as_its_job() {
    let world = World::new().await;
    let (job, held) = world.running(2).await;
    let of_the_file = JobId::parse(held[1].file.as_str()).unwrap();
    for (method, budget) in [("GET", Budget::Stream), ("HEAD", Budget::Standard)] {
        let answer = send(world.addr, method, &task(&of_the_file), &[]).await;
        assert_eq!((answer.status, answer.headers["content-type"].as_bytes()), (200, &b"text/event-stream"[..]));
        let facts = world.guard.asked.lock().unwrap().pop().unwrap();
        assert_eq!((facts.job_id.as_deref(), facts.level, facts.budget), (Some(job.as_str()), Level::Owner, budget));
        assert_eq!(facts.path, task(&of_the_file));
    }
    let refused = send(world.addr, "GET", &task(&of_the_file), &[("authorization", "nobody")]).await;
    assert_eq!(refused.status, 403);
    for holding in &held {
        world.complete(holding).await;
    }
    let by_file = listen(world.addr, &task(&of_the_file), None).await.rest().await;
    let by_job = listen(world.addr, &task(&job), None).await.rest().await;
    assert_eq!(by_file.last().unwrap().kind(), "task_completed");
    assert_eq!(by_file, by_job);
    // The seeds' form knows jobs only.
    assert_eq!(send(world.addr, "GET", &plain(&of_the_file), &[]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_get_their_answers() {
    let world = World::new().await;
    let job = world.job(1).await;
    let head = send(world.addr, "HEAD", &plain(&job), &[]).await;
    assert_eq!((head.status, head.headers["content-type"].as_bytes()), (200, &b"text/event-stream"[..]));
    assert_eq!(send(world.addr, "HEAD", &plain(&JobId::from_random([9; 16])), &[]).await.status, 404);
    let options = send(world.addr, "OPTIONS", &plain(&job), &[]).await;
    assert_eq!((options.status, options.headers["allow"].as_bytes()), (204, &b"GET, HEAD, OPTIONS"[..]));
    let post = send(world.addr, "POST", &plain(&job), &[]).await;
    assert_eq!((post.status, post.headers["allow"].as_bytes()), (405, &b"GET, HEAD, OPTIONS"[..]));
    assert_eq!(post.headers["x-frame-options"], "DENY");
    assert_eq!(world.streams.stats().opened, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_client_is_told_to_come_back() {
    let mut world = World::new().await;
    let job = world.job(1).await;
    world.stop_redis().await;
    for path in [plain(&job), task(&job)] {
        let answer = listen(world.addr, &path, None).await;
        assert_eq!(answer.status, 503);
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        let problem = answer.problem().await;
        assert_eq!(problem["error_code"], "SERVICE_UNAVAILABLE");
        assert!(!problem.to_string().contains("127.0.0.1"));
    }
    let facts = world.guard.asked.lock().unwrap().pop().unwrap();
    assert_eq!(
        (facts.level, facts.budget),
        (Level::Open, Budget::Uncounted),
        "the guard has Redis to wait for no more"
    );
}
