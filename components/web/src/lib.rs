//! The pages, as static files from the mount `/pages`, and the answer to every path that no other component has.

mod files;
mod media_type;
mod negotiate;
mod pages;
mod reference;
mod unbuilt;

use image2model_kit::{Reply, Route, routes, serve};
use spin_sdk::http::Request;

static ROUTES: &[Route] = routes! {
    GET "/" Open Uncounted => pages::root,
    GET "/openapi.json" Open Uncounted => reference::document,
    GET "/api/v1/openapi.json" Open Uncounted => reference::document,
    GET "/docs" Open Uncounted => reference::docs,
    GET "/redoc" Open Uncounted => reference::redoc,
    GET "/*path" Open Uncounted => pages::file,
    ANY "/*path" Open Uncounted => pages::other_method,
};

#[spin_sdk::http_service]
async fn web(request: Request) -> Reply {
    serve(ROUTES, request).await
}
