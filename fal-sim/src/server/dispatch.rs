//! From a raw HTTP request to its answer: find the target, meet the armed faults, call the handler, add CORS.

use super::{
    context::Context, control, disturb, files, platform, queue_calls, route::Route, run_calls, status_stream,
    upload_calls,
};
use crate::{
    errors::ApiError,
    faults::{Call, Fault, Kind, When},
    origin::{self, Service},
    scenario::Scenario,
    sim::Sim,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Request, StatusCode, header};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// Answers one request; never fails, an error is an answer too.
pub async fn answer(sim: Arc<Sim>, request: Request<Body>, peer: SocketAddr) -> Response {
    let (parts, body) = request.into_parts();
    let Some(target) = origin::resolve(&parts.uri, &parts.headers, sim.address) else {
        return ApiError::UnknownPath(parts.uri.path().trim_start_matches('/').into()).into_response();
    };
    let mut context = Context { sim, peer, target, method: parts.method, headers: parts.headers, body };
    let route = match Route::of(context.target.service, &context.method, &context.target.path) {
        Ok(route) => route,
        Err(error) => {
            context.drain().await;
            return error.into_response();
        }
    };
    let mut response = disturbed(context, route).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    response
}

/// Handles the call with whatever fault is armed for it.
async fn disturbed(mut context: Context, route: Route) -> Response {
    if context.target.service == Service::Control {
        return handle(context, route).await;
    }
    let (sim, call, path) = (context.sim.clone(), route.call(), context.target.path.clone());
    sim.counters.call(call);
    let Some(fault) = sim.faults.take(call, &path) else { return handle(context, route).await };
    tracing::info!(?call, fault = ?fault.kind, when = ?fault.when, "call disturbed");
    sim.counters.update(|counts| counts.disturbed += 1);
    match (fault.kind, fault.when) {
        (Kind::Late, _) => late(context, route, fault.delay).await,
        (Kind::Vanish, _) => {
            queue_calls::vanish(&context, &route);
            handle(context, route).await
        }
        (_, When::Before) => {
            context.drain().await;
            disturb::apply(fault, None).await
        }
        (_, When::After) => disturb::apply(fault, Some(handle(context, route).await)).await,
    }
}

/// Handles the call after a while, whether or not the caller is still there.
async fn late(mut context: Context, route: Route, delay: Duration) -> Response {
    if let Err(error) = context.buffer().await {
        return error.into_response();
    }
    let (sim, (tell, answer)) = (context.sim.clone(), oneshot::channel());
    sim.spawn(async move {
        tokio::time::sleep(delay).await;
        // Without a caller the call is handled all the same.
        let _ = tell.send(handle(context, route).await);
    });
    answer.await.unwrap_or_else(|_| ApiError::Internal.into_response())
}

async fn handle(context: Context, route: Route) -> Response {
    let answer = match route {
        Route::Submit(endpoint) => queue_calls::submit(context, &endpoint).await,
        Route::Status(request) => queue_calls::status(context, &request).await,
        Route::StatusStream(request) => status_stream::stream(context, &request).await,
        Route::Result(request) => queue_calls::result(context, &request).await,
        Route::Cancel(request) => queue_calls::cancel(&context, &request),
        Route::Run(endpoint) => run_calls::run(context, &endpoint).await,
        Route::RunStream(endpoint) => run_calls::stream(context, &endpoint).await,
        Route::Initiate => upload_calls::initiate(context).await,
        Route::InitiateMultipart => upload_calls::initiate(context).await,
        Route::CdnToken => upload_calls::token(&context),
        Route::Upload => upload_calls::upload(context).await,
        Route::UploadMultipart => upload_calls::begin_multipart(&context),
        Route::PutFile(file) => upload_calls::put(context, &file).await,
        Route::PutPart { file, upload, number } => upload_calls::put_part(context, &file, upload, number).await,
        Route::Complete { file, upload } => upload_calls::complete(context, &file, upload).await,
        Route::Download(file) => files::download(context, &file).await,
        Route::Token => platform::token(context).await,
        Route::Jwks => Ok(platform::jwks(&context)),
        Route::History => platform::history(&context),
        Route::Meta => Ok(platform::meta()),
        Route::Control(path) => control::answer(context, &path).await,
        Route::Preflight => Ok(preflight()),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

fn preflight() -> Response {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization"),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}

/// The fault a scenario has for this call about `subject`, logged and counted.
pub fn by_scenario(sim: &Sim, scenario: Scenario, call: Call, subject: &str) -> Option<Fault> {
    let fault = sim.faults.take_for(scenario, call, subject)?;
    tracing::info!(?call, fault = ?fault.kind, when = ?fault.when, "call disturbed by its scenario");
    sim.counters.update(|counts| counts.disturbed += 1);
    Some(fault)
}
