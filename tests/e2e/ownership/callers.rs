//! Every kind of caller, and whom the contract (Auth, Ownership) lets in.

use reqwest::Method;

use super::routes::{Keyless, Route};

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Caller {
    OwnerKey,
    OtherKey,
    NoKey,
    Admin,
    IssuedAdmin,
    ExpiredToken,
    GoodToken,
    TokenOfAnotherJob,
    ForgedToken,
    SharedLink,
    ExpiredLink,
    WithdrawnLink,
    ForgedLink,
    RevokedKey,
    ExpiredKey,
    WrongKey,
    NotBearer,
    OtherKeyWithGoodToken,
    OwnerSession,
    OtherSession,
    SessionFromElsewhere,
    SessionOfRevokedKey,
}

pub const CALLERS: [Caller; 22] = [
    Caller::OwnerKey,
    Caller::OtherKey,
    Caller::NoKey,
    Caller::Admin,
    Caller::IssuedAdmin,
    Caller::ExpiredToken,
    Caller::GoodToken,
    Caller::TokenOfAnotherJob,
    Caller::ForgedToken,
    Caller::SharedLink,
    Caller::ExpiredLink,
    Caller::WithdrawnLink,
    Caller::ForgedLink,
    Caller::RevokedKey,
    Caller::ExpiredKey,
    Caller::WrongKey,
    Caller::NotBearer,
    Caller::OtherKeyWithGoodToken,
    Caller::OwnerSession,
    Caller::OtherSession,
    Caller::SessionFromElsewhere,
    Caller::SessionOfRevokedKey,
];

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Access {
    Open,
    Owner,
}

/// The code of the refusal (all are 403), or `None` for whoever may.
pub fn expected(caller: Caller, access: Access, route: &Route) -> Option<&'static str> {
    use Caller::*;
    match caller {
        OwnerKey | Admin | IssuedAdmin | OtherKeyWithGoodToken | OwnerSession => None,
        OtherKey | OtherSession => Some("ACCESS_DENIED"),
        SessionFromElsewhere => Some("CROSS_SITE_REQUEST"),
        RevokedKey | ExpiredKey | WrongKey => Some("INVALID_API_KEY"),
        NotBearer => Some("NOT_AUTHENTICATED"),
        _ if route.keyless == Keyless::NeedsKey => Some("NOT_AUTHENTICATED"),
        GoodToken => None,
        // A link is for looking.
        SharedLink if route.method == Method::GET => None,
        // What is presented counts, also where the id would be enough.
        ExpiredToken | TokenOfAnotherJob | ForgedToken | SharedLink | ExpiredLink | WithdrawnLink | ForgedLink => {
            Some("NOT_AUTHENTICATED")
        }
        NoKey | SessionOfRevokedKey => match access {
            Access::Open => None,
            Access::Owner => Some("NOT_AUTHENTICATED"),
        },
    }
}

/// Whether all that the caller presents is a token, which is one of a job: nothing can be said of it before there is one.
fn is_by_token(caller: Caller) -> bool {
    use Caller::*;
    matches!(
        caller,
        ExpiredToken | TokenOfAnotherJob | ForgedToken | SharedLink | ExpiredLink | WithdrawnLink | ForgedLink
    )
}

/// The same for a job that does not exist: who is refused for what they present is refused all the same.
pub fn expected_of_nothing(caller: Caller, route: &Route) -> (u16, &'static str) {
    let caller = if is_by_token(caller) { Caller::NoKey } else { caller };
    match expected(caller, Access::Open, route) {
        Some(code) if code != "ACCESS_DENIED" => (403, code),
        _ => (404, "JOB_NOT_FOUND"),
    }
}
