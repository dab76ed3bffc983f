//! Counts the bytes of a request as they come, `/count`, or gives them back one by one, `/echo`. Says how a body ended.

use futures::StreamExt;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn echo(request: Request) -> anyhow::Result<impl IntoResponse> {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body().stream();
    if path != "/echo" {
        let mut bytes = 0;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => bytes += chunk.len(),
                Err(error) => {
                    println!("body ended early after {bytes} bytes: {error}");
                    anyhow::bail!("incomplete");
                }
            }
        }
        println!("body complete after {bytes} bytes");
        return Ok(bytes.to_string().into_response());
    }
    let (mut out, answer) = spin_sdk::http::body::stream();
    spin_sdk::wasip3::spawn(async move {
        use futures::SinkExt;
        while let Some(Ok(chunk)) = body.next().await {
            if out.send(chunk).await.is_err() {
                break;
            }
        }
    });
    Ok(Response::new(answer).into_response())
}
