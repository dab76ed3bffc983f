//! Whose job it is: the key that uploaded it, whoever knows its id, or whoever has its access token, as the policy says. The token
//! of a shared link lets its bearer look and nothing else, under either policy: a token that is presented is what counts, also
//! where the id alone would do. Where everybody is let in, one that is not good counts as none: nobody needs any.

use image2model_domain::commands::Admitted;
use image2model_domain::digest::same_secret;
use image2model_domain::{JobId, access_token, share_token};

use crate::auth::Caller;
use crate::bindings::Role;
use crate::refusal::Refusal;
use crate::settings::{JobAccess, Settings};

/// What a request says of itself, as far as it counts here.
pub(crate) struct Asked<'a> {
    /// The job that it names.
    pub(crate) job: Option<&'a JobId>,
    /// `?access_token=`.
    pub(crate) token: Option<&'a str>,
    /// It changes nothing.
    pub(crate) only_looks: bool,
}

/// Whether the caller may do this with the job that was looked up. `now` in seconds since 1970.
pub(crate) fn may(
    settings: &Settings,
    caller: &Caller,
    Asked { job, token, only_looks }: Asked<'_>,
    found: &Admitted,
    now: u64,
) -> Result<(), Refusal> {
    let job = job.filter(|_| found.job_known).ok_or(Refusal::JobNotFound)?;
    if caller.role == Role::Admin || owns(caller, found) {
        return Ok(());
    }
    let allowed = match (token, &settings.token_secret) {
        (Some(token), Some(secret)) => {
            let is_link = share_token::verify(secret, job, token, now, found.links);
            access_token::verify(secret, job, token, now)
                || if is_link { only_looks } else { settings.lets_everybody_in() }
        }
        // Without a secret there are no tokens, nor keys: everybody is let in.
        _ => settings.lets_everybody_in() || opens_by_id(settings, caller, found),
    };
    if allowed { Ok(()) } else { Err(denied(caller)) }
}

fn owns(caller: &Caller, found: &Admitted) -> bool {
    caller.key_hash.as_deref().is_some_and(|hash| same_secret(hash, &found.owner))
}

/// Whether knowing the job's id is enough: for whoever has no key, and for everybody where the job was uploaded without one,
/// which makes it nobody's.
fn opens_by_id(settings: &Settings, caller: &Caller, found: &Admitted) -> bool {
    settings.job_access == JobAccess::Open && (caller.key_hash.is_none() || found.owner.is_empty())
}

/// With a key, the job is somebody else's; without one, a key is what is missing.
fn denied(caller: &Caller) -> Refusal {
    if caller.key_hash.is_some() { Refusal::AccessDenied } else { Refusal::NotAuthenticated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credential;
    use crate::bindings::Level;
    use crate::settings::tests::settings;
    use image2model_domain::digest::sha256_hex;

    fn job() -> JobId {
        JobId::from_random([7; 16])
    }

    fn seen(access: JobAccess, key: Option<&str>, owner: &str, token: Option<&str>) -> Result<(), Refusal> {
        asked(access, key, owner, token, true)
    }

    fn asked(
        access: JobAccess,
        key: Option<&str>,
        owner: &str,
        token: Option<&str>,
        only_looks: bool,
    ) -> Result<(), Refusal> {
        let settings = Settings { job_access: access, ..settings("user-key", "admin-key") };
        let bearer = key.map(|key| format!("Bearer {key}"));
        let caller = Credential::of(&settings, bearer.as_deref()).caller(Level::Owner)?;
        let found = Admitted { admitted: true, owner: owner.into(), job_known: true, links: 3, uses: vec![] };
        may(&settings, &caller, Asked { job: Some(&job()), token, only_looks }, &found, 100)
    }

    #[test]
    fn a_key_must_own_the_job() {
        let (own, other) = (sha256_hex(b"user-key"), sha256_hex(b"other"));
        for access in [JobAccess::Open, JobAccess::Owner] {
            assert_eq!(seen(access, Some("user-key"), &own, None), Ok(()));
            assert_eq!(seen(access, Some("user-key"), &other, None), Err(Refusal::AccessDenied));
            assert_eq!(seen(access, Some("admin-key"), &other, None), Ok(()));
            assert_eq!(seen(access, Some("wrong"), &own, None), Err(Refusal::InvalidKey));
        }
    }

    #[test]
    fn without_a_key_the_policy_decides() {
        let own = sha256_hex(b"user-key");
        assert_eq!(seen(JobAccess::Open, None, &own, None), Ok(()));
        assert_eq!(seen(JobAccess::Owner, None, &own, None), Err(Refusal::NotAuthenticated));
        let secret = settings("user-key", "admin-key").token_secret.unwrap();
        let token = |until| access_token::issue(&secret, &job(), until);
        assert_eq!(seen(JobAccess::Owner, None, &own, Some(&token(101))), Ok(()));
        assert_eq!(seen(JobAccess::Owner, None, &own, Some(&token(100))), Err(Refusal::NotAuthenticated));
        assert_eq!(seen(JobAccess::Owner, Some("user-key"), "", None), Err(Refusal::AccessDenied));
    }

    #[test]
    fn a_shared_link_only_looks_until_it_is_over_or_withdrawn() {
        let (own, other) = (sha256_hex(b"user-key"), sha256_hex(b"other"));
        let secret = settings("user-key", "admin-key").token_secret.unwrap();
        let link = |until, links| share_token::issue(&secret, &job(), until, links);
        assert_eq!(seen(JobAccess::Owner, None, &own, Some(&link(101, 3))), Ok(()));
        assert_eq!(seen(JobAccess::Owner, Some("user-key"), &other, Some(&link(101, 3))), Ok(()));
        assert_eq!(seen(JobAccess::Owner, None, &own, Some(&link(100, 3))), Err(Refusal::NotAuthenticated));
        assert_eq!(seen(JobAccess::Owner, None, &own, Some(&link(101, 2))), Err(Refusal::NotAuthenticated));
        let changed =
            |key: Option<&str>, owner: &str, token: &str| asked(JobAccess::Owner, key, owner, Some(token), false);
        assert_eq!(changed(None, &own, &link(101, 3)), Err(Refusal::NotAuthenticated));
        assert_eq!(changed(Some("user-key"), &other, &link(101, 3)), Err(Refusal::AccessDenied));
        assert_eq!(changed(Some("user-key"), &own, &link(101, 3)), Ok(()), "its own key may all the same");
        assert_eq!(changed(None, &own, &access_token::issue(&secret, &job(), 101)), Ok(()));
    }

    #[test]
    fn a_token_that_is_presented_counts_where_the_id_would_be_enough() {
        let own = sha256_hex(b"user-key");
        let secret = settings("user-key", "admin-key").token_secret.unwrap();
        let link = |until, links| share_token::issue(&secret, &job(), until, links);
        let by = |key: Option<&str>, owner: &str, token: &str, only_looks| {
            asked(JobAccess::Open, key, owner, Some(token), only_looks)
        };
        assert_eq!(by(None, &own, &link(101, 3), true), Ok(()));
        assert_eq!(by(None, &own, &link(101, 3), false), Err(Refusal::NotAuthenticated));
        assert_eq!(by(Some("user-key"), "", &link(101, 3), false), Err(Refusal::AccessDenied), "of nobody's job, too");
        for bad in [link(100, 3), link(101, 2), access_token::issue(&secret, &job(), 100), "none of ours".to_owned()] {
            assert_eq!(by(None, &own, &bad, true), Err(Refusal::NotAuthenticated), "{bad}");
            assert_eq!(by(Some("user-key"), &own, &bad, false), Ok(()), "its own key may all the same");
        }
        assert_eq!(by(None, &own, &access_token::issue(&secret, &job(), 101), false), Ok(()), "the upload's may all");
    }

    #[test]
    fn where_everybody_is_let_in_no_token_shuts_anybody_out() {
        let secret = "set all the same";
        let asked = |development, api_key, access, token: &str, only_looks| {
            let settings = Settings {
                development,
                job_access: access,
                token_secret: Some(secret.to_owned()),
                ..settings(api_key, "")
            };
            let found = Admitted { admitted: true, owner: String::new(), job_known: true, links: 3, uses: vec![] };
            let asked = Asked { job: Some(&job()), token: Some(token), only_looks };
            may(&settings, &Caller::anonymous(), asked, &found, 100)
        };
        let link = |until, links| share_token::issue(secret, &job(), until, links);
        let none = [link(100, 3), link(101, 2), access_token::issue(secret, &job(), 100), "none of ours".to_owned()];
        for access in [JobAccess::Open, JobAccess::Owner] {
            for bad in &none {
                for looks in [true, false] {
                    assert_eq!(asked(true, "", access, bad, looks), Ok(()), "{bad}");
                    assert_eq!(asked(true, "k", access, bad, looks), Err(Refusal::NotAuthenticated), "{bad}");
                    assert_eq!(asked(false, "", access, bad, looks), Err(Refusal::NotAuthenticated), "{bad}");
                }
            }
            assert_eq!(asked(true, "", access, &link(101, 3), true), Ok(()));
            assert_eq!(
                asked(true, "", access, &link(101, 3), false),
                Err(Refusal::NotAuthenticated),
                "as was promised"
            );
        }
    }

    #[test]
    fn a_job_that_does_not_exist_is_not_found_for_everybody() {
        let settings = settings("user-key", "admin-key");
        let found = Admitted { admitted: true, owner: String::new(), job_known: false, links: 0, uses: vec![] };
        for key in [None, Some("Bearer user-key"), Some("Bearer admin-key")] {
            let caller = Credential::of(&settings, key).caller(Level::Owner).unwrap();
            let asked = Asked { job: Some(&job()), token: None, only_looks: true };
            assert_eq!(may(&settings, &caller, asked, &found, 0), Err(Refusal::JobNotFound));
        }
    }
}
