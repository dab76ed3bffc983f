//! What an operator asks for: JSON that says where the component is, or the component itself.

use image2model_domain::Problem;
use image2model_domain::rollout::{NotNow, Release, Rollout};
use image2model_kit::{Context, Failure};
use serde_json::{Map, Value, json};

use super::upload;
use crate::fields::{Errors, whole};

/// What the query may say of a component that is sent as it is.
const OF_UPLOADS: [&str; 3] = ["digest", "signature", "weight"];
/// An order is an address and a digest.
const LONGEST_BODY: usize = 4096;
const UNACCEPTABLE: &str = "The component cannot be exchanged as described; see details.errors.";

/// One change.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// Another release, for all or, with a weight, for some.
    Serve(Release, Option<u32>),
    /// Another weight for the running canary.
    Weigh(u32),
    /// The running canary, for all.
    Promote,
    /// Back; where it is said, only from what that change left.
    Rollback(Option<u64>),
}

impl Order {
    /// Takes the step; answers the change's name.
    pub(super) fn take(&self, rollout: &mut Rollout, by: &str, now_ms: i64) -> Result<u64, NotNow> {
        match self {
            Self::Serve(release, weight) => rollout.propose(release.clone(), *weight, by, now_ms),
            Self::Weigh(weight) => rollout.weigh(*weight, by, now_ms),
            Self::Promote => rollout.promote(by, now_ms),
            Self::Rollback(None) => rollout.roll_back(by, now_ms),
            Self::Rollback(Some(last)) => rollout.roll_back_from(*last, by, now_ms),
        }
    }

    /// For the audit.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Serve(release, weight) => {
                json!({ "serve": { "source": release.source, "digest": release.digest }, "weight": weight })
            }
            Self::Weigh(weight) => json!({ "weight": weight }),
            Self::Promote => json!("promote"),
            Self::Rollback(_) => json!("rollback"),
        }
    }
}

/// `POST …/swap`.
pub(super) async fn swap(context: &mut Context) -> Result<Order, Failure> {
    if upload::is_component(context) {
        return Ok(Order::Serve(upload::keep(context).await?, None));
    }
    described(context, false).await
}

/// `POST …/canary`.
pub(super) async fn canary(context: &mut Context) -> Result<Order, Failure> {
    if upload::is_component(context) {
        let weight = context.query.get("weight").and_then(|text| text.parse().ok());
        let weight = weighed(weight).ok_or_else(|| one_error("weight", WEIGHT))?;
        return Ok(Order::Serve(upload::keep(context).await?, Some(weight)));
    }
    described(context, true).await
}

/// `POST …/rollback`.
pub(super) fn rollback(context: &Context) -> Result<Order, Problem> {
    let last = context.query.get("last").map(|text| text.parse().map_err(|_| one_error("last", LAST)));
    last.transpose().map(Order::Rollback)
}

/// An order in JSON, which says everything itself.
async fn described(context: &mut Context, canary: bool) -> Result<Order, Failure> {
    if let Some(field) = OF_UPLOADS.into_iter().find(|field| context.query.get(field).is_some()) {
        return Err(one_error(field, "goes with a component that is sent as it is; JSON says it in the body").into());
    }
    let body: Value = context.json(LONGEST_BODY).await?;
    Ok(read(&body, canary)?)
}

fn read(body: &Value, canary: bool) -> Result<Order, Problem> {
    let (empty, mut errors) = (Map::new(), Errors::default());
    let given = body.as_object().unwrap_or(&empty);
    let known: &[&str] =
        if canary { &["source", "digest", "signature", "weight"] } else { &["source", "digest", "signature"] };
    errors.unknown(given, known, "");
    if !body.is_object() {
        errors.add("", "must be an object");
    }
    let mut text = |name: &str| match given.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.as_str()),
        Some(_) => {
            errors.add(name, "must be a text");
            None
        }
    };
    let (source, digest, signature) = (text("source"), text("digest"), text("signature"));
    let weight = given.get("weight").and_then(whole);
    if canary && weighed(weight).is_none() {
        errors.add("weight", WEIGHT);
    }
    let weight = weighed(weight).filter(|_| canary);
    let order = match (source, weight) {
        (None, _) if digest.is_some() || signature.is_some() => {
            errors.add("source", "is missing");
            Order::Promote
        }
        (None, None) => Order::Promote,
        (None, Some(weight)) => Order::Weigh(weight),
        (Some(source), weight) => match Release::elsewhere(source, digest, signature) {
            Ok(release) => Order::Serve(release, weight),
            Err(bad) => {
                errors.add(bad.field(), bad.to_string());
                Order::Promote
            }
        },
    };
    errors.or(order, UNACCEPTABLE)
}

const LAST: &str = "must be a whole number: the `change` of the component's last change, 0 where there was none";
const WEIGHT: &str = "must be a whole number from 1 to 99: of a hundred callers, so many";

fn weighed(weight: Option<u64>) -> Option<u32> {
    weight.filter(|weight| (1..=99).contains(weight)).and_then(|weight| u32::try_from(weight).ok())
}

/// The refusal of one field of the query.
fn one_error(field: &str, problem: &str) -> Problem {
    let mut errors = Errors::default();
    errors.add(field, problem);
    errors.or((), UNACCEPTABLE).err().unwrap_or_else(Problem::internal)
}

/// A digest or a signature in the query that does not fit.
pub(super) fn bad_release(bad: image2model_domain::rollout::BadRelease) -> Problem {
    let mut errors = Errors::default();
    errors.add(bad.field(), bad.to_string());
    errors.or((), UNACCEPTABLE).err().unwrap_or_else(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::named;

    #[test]
    fn reads_what_is_to_be_served() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let order = json!({ "source": "https://a.example/x.wasm", "digest": digest });
        let Order::Serve(release, None) = read(&order, false).unwrap() else { panic!() };
        assert_eq!(release.digest, digest);
        assert_eq!(read(&json!({}), false), Ok(Order::Promote));
        assert_eq!(read(&json!({ "weight": 5 }), true), Ok(Order::Weigh(5)));
        let order = json!({ "source": format!("oci://r.example/x@{digest}"), "weight": 20.0 });
        assert!(matches!(read(&order, true), Ok(Order::Serve(_, Some(20)))));
    }

    #[test]
    fn names_every_field_that_does_not_fit() {
        assert_eq!(named(read(&json!({ "weight": 5 }), false)), ["weight"]);
        assert_eq!(named(read(&json!({ "weight": 0, "source": 5 }), true)), ["source", "weight"]);
        assert_eq!(named(read(&json!({ "digest": "sha256:0" }), false)), ["source"]);
        assert_eq!(named(read(&json!({ "source": "https://a.example/x", "digest": "x" }), false)), ["digest"]);
        assert_eq!(named(read(&json!([]), false)), [""]);
    }
}
