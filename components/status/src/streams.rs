//! Event streams are not a component's: the host serves them itself, and where it does not, the client is sent to the
//! stream server, which counts the stream, once.

use image2model_domain::Problem;
use image2model_kit::{Context, Failure, Reply, config, reply};

/// Sends the client on, its query with it.
pub(crate) async fn moved(context: Context) -> Result<Reply, Failure> {
    let server = config::text("stream_url").await?;
    if server.is_empty() {
        let detail =
            "No stream server is configured here (stream_url). Ask for the job's status with ?wait=30 instead.";
        return Err(Problem::new(503, "STREAM_NOT_CONFIGURED", detail).into());
    }
    reply::redirect(307, &location(&server, &context.path, context.query.raw()))
}

fn location(server: &str, path: &str, query: &str) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{path}{mark}{query}", server.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn keeps_path_and_query() {
        assert_eq!(
            location("https://s.example/", "/api/v1/status/stream/x", ""),
            "https://s.example/api/v1/status/stream/x"
        );
        assert_eq!(location("https://s.example", "/p", "last_event_id=1-0"), "https://s.example/p?last_event_id=1-0");
    }
}
