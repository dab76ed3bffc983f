//! Scenarios: a job behaves as its image's URL says. `sim-<name>` anywhere in the URL counts, so a marker may stand in a
//! URL that leads nowhere (`https://example.com/sim-slow.png`) or be the name of a file that was really uploaded.

use crate::faults::{Call, Fault, Kind, When};

/// A behaviour asked for by marker. Each variant's marker is its name in kebab case after `sim-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Scenario {
    /// No marker, or `sim-ok`: the job succeeds.
    #[default]
    Ok,
    /// Runs until it is cancelled.
    Slow,
    /// Runs for ever and takes no cancellation.
    Stuck,
    /// Succeeds although it is cancelled while running.
    CancelIgnored,
    /// Runs until it is cancelled, and is billed then.
    CancelBilled,
    /// Goes back to the queue once after it has started.
    Requeue,
    /// 422 `content_policy_violation`.
    ContentPolicy,
    /// 422 `file_download_error`.
    FileDownload,
    /// 422 `no_media_generated`.
    NoMedia,
    /// 500 `downstream_service_unavailable`.
    Downstream,
    /// 400 `downstream_service_error`.
    DownstreamError,
    /// 504 `generation_timeout`.
    GenerationTimeout,
    /// 500 `runner_server_error`.
    ServerError,
    /// 503 `runner_disconnected`.
    RunnerDisconnected,
    /// Never starts: 504 `startup_timeout` of type `user`.
    StartTimeout,
    /// 200 whose output names no mesh.
    MissingMesh,
    /// The mesh it names is not (or no longer) there.
    ExpiredFile,
    /// The first download of the mesh breaks off in the middle.
    TruncatedFile,
    /// The first download of the mesh trickles.
    SlowBody,
    /// The first two submits are refused with 429.
    TooMany,
    /// Every submit is refused with 403, exhausted balance.
    Balance,
    /// The first submit is accepted, then the connection closes without an answer.
    AcceptDrop,
    /// The first submit is accepted, then answered with the ingress's HTML 502.
    AcceptBadGateway,
    /// The first two status calls are answered with the ingress's HTML 502.
    Flaky,
    /// The first two result calls end in truncated JSON.
    TruncatedJson,
    /// The first two result calls end in a connection reset.
    Reset,
    /// Succeeds, but its result is gone.
    Vanished,
    /// The first status stream breaks off after its first event.
    StreamDrop,
}

/// Markers without their `sim-`, paired with what they mean.
const MARKERS: [(&str, Scenario); 28] = [
    ("ok", Scenario::Ok),
    ("slow", Scenario::Slow),
    ("stuck", Scenario::Stuck),
    ("cancel-ignored", Scenario::CancelIgnored),
    ("cancel-billed", Scenario::CancelBilled),
    ("requeue", Scenario::Requeue),
    ("content-policy", Scenario::ContentPolicy),
    ("file-download", Scenario::FileDownload),
    ("no-media", Scenario::NoMedia),
    ("downstream", Scenario::Downstream),
    ("downstream-error", Scenario::DownstreamError),
    ("generation-timeout", Scenario::GenerationTimeout),
    ("server-error", Scenario::ServerError),
    ("runner-disconnected", Scenario::RunnerDisconnected),
    ("start-timeout", Scenario::StartTimeout),
    ("missing-mesh", Scenario::MissingMesh),
    ("expired-file", Scenario::ExpiredFile),
    ("truncated-file", Scenario::TruncatedFile),
    ("slow-body", Scenario::SlowBody),
    ("429", Scenario::TooMany),
    ("balance", Scenario::Balance),
    ("accept-drop", Scenario::AcceptDrop),
    ("accept-502", Scenario::AcceptBadGateway),
    ("flaky", Scenario::Flaky),
    ("truncated-json", Scenario::TruncatedJson),
    ("reset", Scenario::Reset),
    ("vanished", Scenario::Vanished),
    ("stream-drop", Scenario::StreamDrop),
];

impl Scenario {
    /// The scenario a URL asks for and whether it carries a marker at all. `data:` URLs never do.
    pub fn of_url(url: &str) -> Option<Self> {
        if url.starts_with("data:") {
            return None;
        }
        let rest = url.match_indices("sim-").find_map(|(at, marker)| {
            let before = url.get(..at).and_then(|head| head.chars().next_back());
            let starts_word = before.is_none_or(|letter| !letter.is_ascii_alphanumeric());
            starts_word.then(|| url.get(at + marker.len()..).unwrap_or_default())
        })?;
        MARKERS
            .iter()
            .filter(|(name, _)| is_word(rest, name))
            .max_by_key(|(name, _)| name.len())
            .map(|&(_, found)| found)
    }

    /// How this scenario disturbs calls: which call, how, and how often for one subject.
    pub(crate) fn transport(self) -> Option<(Call, Fault, u32)> {
        let fault = Fault::new;
        Some(match self {
            Self::TooMany => (Call::Submit, fault(Kind::TooManyRequests, When::Before), 2),
            Self::Balance => (Call::Submit, fault(Kind::Balance, When::Before), u32::MAX),
            Self::AcceptDrop => (Call::Submit, fault(Kind::Drop, When::After), 1),
            Self::AcceptBadGateway => (Call::Submit, fault(Kind::BadGateway, When::After), 1),
            Self::Flaky => (Call::Status, fault(Kind::BadGateway, When::Before), 2),
            Self::TruncatedJson => (Call::Result, fault(Kind::TruncatedBody, When::After), 2),
            Self::Reset => (Call::Result, fault(Kind::Reset, When::Before), 2),
            Self::ExpiredFile => (Call::Download, fault(Kind::NotFound, When::Before), u32::MAX),
            Self::TruncatedFile => (Call::Download, fault(Kind::BrokenBody, When::After), 1),
            Self::SlowBody => (Call::Download, fault(Kind::SlowBody, When::After), 1),
            Self::StreamDrop => (Call::Stream, fault(Kind::BrokenBody, When::After), 1),
            _ => return None,
        })
    }
}

/// Whether `text` begins with `name` as a whole word (`sim-slow` is not `sim-slower`).
fn is_word(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_in_foreign_and_in_uploaded_names() {
        let cases = [
            ("https://example.com/sim-slow.png", Some(Scenario::Slow)),
            ("https://example.com/sim-slow-body.png", Some(Scenario::SlowBody)),
            ("http://127.0.0.1:9/cdn/files/b/0a/x_y_sim-content-policy.jpg", Some(Scenario::ContentPolicy)),
            ("https://example.com/sim-429-17.3.png", Some(Scenario::TooMany)),
            ("https://example.com/sim-downstream-error.png", Some(Scenario::DownstreamError)),
            ("https://example.com/sim-unheard-of.png", None),
            ("https://example.com/slim-slow.png", None),
            ("https://example.com/chair.png", None),
            ("data:image/png;base64,sim-slow", None),
        ];
        for (url, expected) in cases {
            assert_eq!(Scenario::of_url(url), expected, "{url}");
        }
    }
}
