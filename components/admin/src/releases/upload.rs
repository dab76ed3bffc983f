//! A component that is sent as it is: its bytes go piece by piece to Redis, where every host finds them by their digest.

use futures::TryStreamExt;
use image2model_domain::Problem;
use image2model_domain::commands::{KeepComponentPiece, NameComponent};
use image2model_domain::rollout::{LARGEST_COMPONENT, Release};
use image2model_kit::{Context, Failure, redis};
use sha2::{Digest, Sha256};

use super::order::bad_release;

const MEDIA_TYPE: &str = "application/wasm";
/// What one command brings to Redis.
const PIECE: usize = 256 * 1024;
/// What every WebAssembly binary begins with.
const MAGIC: &[u8] = b"\0asm";

/// Whether the request brings one.
pub(super) fn is_component(context: &Context) -> bool {
    let essence =
        |declared: &str| declared.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(MEDIA_TYPE);
    context.header("content-type").is_some_and(essence)
}

/// Keeps it.
pub(super) async fn keep(context: &mut Context) -> Result<Release, Failure> {
    let mut body = context.take_body();
    let upload = format!("upload:{}:{}", image2model_kit::clock::now_ms(), context.request_id);
    let (mut kept, mut offset, mut digest) = (Vec::with_capacity(PIECE), 0, Sha256::new());
    let broken = |_| Problem::plain(400, "The request body broke off");
    while let Some(chunk) = body.try_next().await.map_err(broken)? {
        if offset + kept.len() + chunk.len() > LARGEST_COMPONENT {
            let detail = format!("The component is larger than {} MiB", LARGEST_COMPONENT >> 20);
            return Err(Problem::plain(413, detail).into());
        }
        digest.update(&chunk);
        kept.extend_from_slice(&chunk);
        if kept.len() >= PIECE {
            offset = piece(&upload, offset, &mut kept).await?;
        }
    }
    if offset == 0 && !kept.starts_with(MAGIC) {
        return Err(Problem::new(422, "VALIDATION_ERROR", "The body is not a WebAssembly component").into());
    }
    piece(&upload, offset, &mut kept).await?;
    let digest = format!("sha256:{:x}", digest.finalize());
    if context.query.get("digest").is_some_and(|wanted| wanted != digest) {
        return Err(bad_release(image2model_domain::rollout::BadRelease::Digest).into());
    }
    let release = Release::upload(&digest, context.query.get("signature")).map_err(bad_release)?;
    redis::run(&NameComponent { upload: &upload, digest: &digest }).await?;
    Ok(release)
}

/// Sends what was gathered; answers where the next piece begins.
async fn piece(upload: &str, offset: usize, kept: &mut Vec<u8>) -> Result<usize, Failure> {
    if !kept.is_empty() {
        redis::run(&KeepComponentPiece { upload, offset, bytes: kept }).await?;
    }
    let next = offset + kept.len();
    kept.clear();
    Ok(next)
}
