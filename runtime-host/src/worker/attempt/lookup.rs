//! Finds a file's request in FAL's history. The image's name at FAL says which attempt of which file it is, and FAL keeps
//! it at the end of the image's URL, so a request is found even when nothing else of it is known any more.

use std::sync::Arc;
use std::time::Duration;

use image2model_domain::FileId;
use image2model_domain::time::millis;

use super::Attempt;
use crate::fal::{Class, EndpointId, FalError, Known, Recorded, Sought};
use crate::worker::insight::HistoryView;
use crate::worker::run::Shared;

/// The history is searched from this long before the announcement and until this long after the submit: clocks differ.
const CLOCK_SLACK: Duration = Duration::from_secs(10 * 60);
/// Longest part of a file's own name that goes to FAL, in characters.
const LONGEST_NAME: usize = 100;
/// How many times the longest lag seen a history is given to list a request.
const LAGS: u32 = 3;

impl Attempt<'_> {
    /// What the image is called at FAL.
    pub(super) fn image_name(&self) -> String {
        let name = &self.file.filename;
        let skipped = name.chars().count().saturating_sub(LONGEST_NAME);
        let end: String = name.chars().skip(skipped).collect();
        format!("{}{end}", self.mark_of_attempt())
    }

    /// What the images of all attempts have in their URLs since the file was last put in line.
    pub(super) fn mark_of_run(&self) -> String {
        format!("{}-{}-", self.file.id, self.file.restarts)
    }

    /// What this attempt's image has in its URL.
    fn mark_of_attempt(&self) -> String {
        format!("{}{}_", self.mark_of_run(), self.file.attempts)
    }

    /// One look for the request that was announced with this image.
    pub(super) async fn look_up(&self, image_url: &str) -> Result<Option<Recorded>, FalError> {
        let mark = self.mark_of_run();
        let text = if image_url.contains(&mark) { mark.as_str() } else { image_url };
        let found =
            self.shared.look_for(&self.endpoint, Known::Input(text), self.intended_at, self.intended_at).await?;
        Ok(choose(found, image_url, &self.mark_of_attempt()))
    }

    /// One look for a request that Redis may have forgotten at `since`: as far back as the file goes, since Redis' data may
    /// be from a backup, and over all that was sent of it since it was put in line as it is now.
    pub(super) async fn look_up_forgotten(&self, since: i64) -> Result<Option<Recorded>, Arc<FalError>> {
        let (from, until) = self.shared.searched(self.file.created_at, since);
        let listed = self.shared.scans.list(&self.shared.fal, &self.endpoint, from, until).await;
        let later = |request: &&Recorded| run_of(request, &self.file.id) >= Some(self.file.restarts);
        let mark = self.mark_of_attempt();
        let looked = listed.and_then(|listed| {
            let found = choose(listed.iter().filter(later).cloned().collect(), &mark, &mark);
            let hidden = found.is_none() && listed.iter().any(Recorded::is_hidden);
            if hidden { Err(Arc::new(FalError::Hidden)) } else { Ok(found) }
        });
        self.shared.heard_of_history(looked.as_ref().err().map(AsRef::as_ref), true);
        looked
    }

    /// One look for a request by its id.
    pub(super) async fn recorded(&self, request_id: &str) -> Result<Option<Recorded>, FalError> {
        let from = self.file.created_at.min(self.intended_at);
        let found = self.shared.look_for(&self.endpoint, Known::Id(request_id), from, self.now()).await?;
        Ok(found.into_iter().find(|request| request.request_id == request_id))
    }
}

impl Shared {
    /// One look for the request that was given this image, as it was announced.
    pub async fn look_up(
        &self,
        endpoint: &EndpointId,
        image_url: &str,
        intended_at: i64,
    ) -> Result<Option<Recorded>, FalError> {
        Ok(self.look_for(endpoint, Known::Input(image_url), intended_at, intended_at).await?.into_iter().next())
    }

    /// The requests that are known by this and were announced between these times.
    async fn look_for(
        &self,
        endpoint: &EndpointId,
        by: Known<'_>,
        from: i64,
        to: i64,
    ) -> Result<Vec<Recorded>, FalError> {
        let (since, until) = self.searched(from, to);
        let found = self.fal.find_requests(endpoint, Sought { by, since, until }).await;
        self.heard_of_history(found.as_ref().err(), matches!(by, Known::Input(_)));
        found
    }

    /// The time in which FAL may have noted what was announced between these times.
    fn searched(&self, from: i64, to: i64) -> (i64, i64) {
        (from.saturating_sub(ms(CLOCK_SLACK)), self.arrived_by(to).saturating_add(ms(CLOCK_SLACK)))
    }

    /// The history was read, or why it was not; whether what requests were given was looked at.
    fn heard_of_history(&self, error: Option<&FalError>, inputs: bool) {
        match error {
            None => self.insight.readable(true),
            Some(FalError::Hidden) => return self.insight.hides(true),
            Some(error) if error.class() == Class::Blind => self.insight.readable(false),
            Some(_) => return,
        }
        if inputs && error.is_none() {
            self.insight.hides(false);
        }
    }

    /// When a submit that was announced then must have arrived at FAL, if it was sent: ms since 1970.
    fn arrived_by(&self, intended_at: i64) -> i64 {
        intended_at.saturating_add(ms(self.config.lease / 2 + self.fal.submit_timeout()))
    }

    /// Whether a "no" to a look at `asked_at` for a request that was announced at `intended_at` is one: the history lists
    /// requests that wait or run, and has had the time to list one that arrived as late as can be.
    pub fn is_sure(&self, intended_at: i64, asked_at: i64) -> bool {
        self.sure_from(intended_at).is_some_and(|sure_from| asked_at >= sure_from)
    }

    /// From when on a "no" is one, ms since 1970; `None` where it never is.
    pub fn sure_from(&self, intended_at: i64) -> Option<i64> {
        let HistoryView::All { lag } = self.insight.view() else { return None };
        let slack = (lag * LAGS).max(self.config.history_slack);
        Some(self.arrived_by(intended_at).saturating_add(ms(slack)))
    }

    /// Takes over what other workers have learned of the history.
    pub async fn hear_of_history(&self) {
        if let Err(error) = self.insight.recall(&self.store).await {
            tracing::debug!(code = error.code(), "what the history shows is not known from others");
        }
    }

    /// Whether it only takes time until a "no" is one.
    pub fn may_become_sure(&self) -> bool {
        matches!(self.insight.view(), HistoryView::All { .. })
    }
}

fn ms(duration: Duration) -> i64 {
    millis(duration).into()
}

/// The how-manieth time that the file was put in line a request's image is of, if it is one of this file's.
fn run_of(request: &Recorded, file: &FileId) -> Option<u32> {
    let mark = format!("{file}-");
    let (_, rest) = request.text_with(&mark)?.split_once(&mark)?;
    rest.split('-').next()?.parse().ok()
}

/// Of the requests found, newest first: one that has or may have a model, else what became of this very attempt.
fn choose(mut found: Vec<Recorded>, image_url: &str, mark_of_attempt: &str) -> Option<Recorded> {
    let ours = |request: &Recorded| request.mentions(image_url) || request.mentions(mark_of_attempt);
    let index = found.iter().position(Recorded::is_promising).or_else(|| found.iter().position(ours))?;
    Some(found.swap_remove(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, status_code: Option<u16>, image: &str) -> Recorded {
        let input = serde_json::json!({ "image_url": format!("https://v3.fal.media/files/{id}_{image}.png") });
        let (request_id, output) = (id.to_owned(), serde_json::Value::Null);
        Recorded { request_id, sent_at: String::new(), started: true, status_code, input, output }
    }

    fn chosen(found: &[Recorded]) -> Option<String> {
        choose(found.to_vec(), "https://no.such/url", "f-0-1_").map(|request| request.request_id)
    }

    #[test]
    fn the_newest_with_a_model_counts_and_a_failure_only_of_this_attempt() {
        let failed = request("a", Some(500), "f-0-1_x");
        let before = request("b", Some(500), "f-0-0_x");
        let done = request("c", Some(200), "f-0-0_x");
        let runs = request("d", None, "f-0-0_x");
        assert_eq!(chosen(&[failed.clone(), done.clone()]).as_deref(), Some("c"));
        assert_eq!(chosen(&[runs, done]).as_deref(), Some("d"));
        assert_eq!(chosen(&[before.clone(), failed]).as_deref(), Some("a"));
        assert_eq!(chosen(&[before]), None);
    }
}
