//! Misbehaves as the path says: `/trap`, `/loop`, `/memory`, `/recurse`, `/error`, `/print`, `/flood`, `/malformed`,
//! `/behind` (traps a while after it has answered), `/half` (traps in the middle of its answer), `/broken/n` (its body is an
//! error after n pieces). `/slow` answers after a while, `/compute` after some work, `/drip` takes a while for its body,
//! `/large` has a large one, `/endless` never stops, `/seldom` writes every half a minute, `/none` has a body with a status
//! that has none, `/said` no body and says how long it is, `/interim` a status after which another has to come; `/wait/n` waits for
//! n clocks at once; anything else answers `fine`; none of them reads a body.

use bytes::Bytes;
use futures::{SinkExt, stream};
use http_body::Frame;
use http_body_util::{Empty, Full, StreamBody};
use spin_sdk::http::{IntoResponse, Request, Response, box_body};
use spin_sdk::http_service;

#[http_service]
async fn fault(request: Request) -> anyhow::Result<impl IntoResponse> {
    match request.uri().path() {
        "/trap" => std::process::abort(),
        "/loop" => loop {
            std::hint::black_box(0);
        },
        "/memory" => {
            let mut held = Vec::new();
            loop {
                held.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "/recurse" => {
            std::hint::black_box(deeper(0));
        }
        "/compute" => {
            let _ = (0_u64..100_000_000).fold(0, |sum: u64, n| std::hint::black_box(sum ^ n));
        }
        "/slow" => spin_sdk::time::sleep(std::time::Duration::from_millis(300)).await,
        "/flood" => (0..50_000).for_each(|n| println!("line {n} of a flood")),
        "/malformed" => {
            let answer =
                Response::builder().header("content-length", "1000").body(box_body(Full::new(Bytes::from("short"))));
            return Ok(answer?.into_response());
        }
        "/said" => {
            let answer = Response::builder().header("content-length", "1000").body(box_body(Empty::<Bytes>::new()));
            return Ok(answer?.into_response());
        }
        "/endless" => {
            let (mut out, answer) = spin_sdk::http::body::stream();
            spin_sdk::wasip3::spawn(async move {
                while out.send(Bytes::from("tick ")).await.is_ok() {
                    spin_sdk::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            });
            return Ok(Response::new(answer).into_response());
        }
        "/large" => return Ok(Response::new(box_body(Full::new(Bytes::from(vec![b'x'; 32 << 20])))).into_response()),
        "/half" => {
            let (mut out, answer) = spin_sdk::http::body::stream();
            spin_sdk::wasip3::spawn(async move {
                let _ = out.send(Bytes::from("half ")).await;
                spin_sdk::time::sleep(std::time::Duration::from_millis(150)).await;
                std::process::abort();
            });
            return Ok(Response::new(answer).into_response());
        }
        "/broken/0" => return Ok(Response::new(broken(0)).into_response()),
        "/broken/1" => return Ok(Response::new(broken(1)).into_response()),
        "/none" => {
            return Ok(Response::builder().status(204).body(box_body(Full::new(Bytes::from("none"))))?.into_response());
        }
        "/interim" => {
            return Ok(Response::builder().status(103).body(box_body(Empty::<Bytes>::new()))?.into_response());
        }
        "/wait/500" => wait_for(500).await,
        "/wait/20000" => wait_for(20_000).await,
        "/seldom" => {
            let (mut out, answer) = spin_sdk::http::body::stream();
            spin_sdk::wasip3::spawn(async move {
                while out.send(Bytes::from("tick ")).await.is_ok() {
                    spin_sdk::time::sleep(std::time::Duration::from_secs(30)).await;
                }
            });
            return Ok(Response::new(answer).into_response());
        }
        "/drip" => {
            let (mut out, answer) = spin_sdk::http::body::stream();
            spin_sdk::wasip3::spawn(async move {
                for _ in 0..20 {
                    if out.send(Bytes::from("drop ")).await.is_err() {
                        return;
                    }
                    spin_sdk::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            });
            return Ok(Response::new(answer).into_response());
        }
        "/behind" => spin_sdk::wasip3::spawn(async {
            spin_sdk::time::sleep(std::time::Duration::from_millis(200)).await;
            std::process::abort();
        }),
        "/error" => anyhow::bail!("secret inside"),
        "/print" => (0..1000).for_each(|_| print!("{}", "x".repeat(1000))),
        _ => {}
    }
    Ok("fine".into_response())
}

/// So many clocks at once, each of which is a call of its own.
async fn wait_for(clocks: usize) {
    let clocks = (0..clocks).map(|_| spin_sdk::time::sleep(std::time::Duration::from_millis(200)));
    futures::future::join_all(clocks).await;
}

/// Ends with an error where another piece would be.
fn broken(pieces: usize) -> impl http_body::Body<Data = Bytes, Error = anyhow::Error> {
    let whole = (0..pieces).map(|_| Ok(Frame::data(Bytes::from("half "))));
    StreamBody::new(stream::iter(whole.chain([Err(anyhow::anyhow!("broken"))])))
}

fn deeper(depth: u64) -> u64 {
    if std::hint::black_box(depth) == u64::MAX {
        return 0;
    }
    depth + std::hint::black_box(deeper(depth + 1))
}
