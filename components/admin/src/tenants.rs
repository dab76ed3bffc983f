//! `GET /admin/tenants` and `PUT /admin/tenants/{tenant}`: how often each one's turn is, how many of its files may run at a
//! time, and what its generations have cost so far.

use image2model_domain::Problem;
use image2model_domain::commands::{ReadTenants, SetTenant, Tenant};
use image2model_kit::{Context, Failure, Reply, listing, redis, reply};
use serde_json::{Map, Value, json};

use crate::audit;
use crate::fields::{Errors, whole};
use crate::jobs::LONGEST_TENANT;

/// Tenants shown at most.
const MOST: u32 = 1000;
/// A body sets two numbers; no more is read.
const LONGEST_BODY: usize = 1024;
/// Files of one tenant at a time.
const GREATEST_CAP: u32 = 10_000;
const FIELDS: [&str; 2] = ["weight", "max_concurrent"];
const UNACCEPTABLE: &str = "The tenant's terms cannot be set as described; see details.errors.";

/// Answers those that are at work, have terms of their own, or have cost something.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    let tenants = redis::run(&ReadTenants { tenant: None, limit: MOST }).await?;
    reply::json(200, &json!({ "tenants": tenants.iter().map(shown).collect::<Vec<_>>() }))
}

/// Sets what the body names and leaves the rest as it is.
pub(crate) async fn set(mut context: Context) -> Result<Reply, Failure> {
    let body: Value = context.json(LONGEST_BODY).await?;
    let name = context.param("tenant").to_owned();
    audit::asked(&context, &json!({ "tenant": name, "terms": body }));
    if !(1..=LONGEST_TENANT).contains(&name.chars().count()) {
        return Err(listing::invalid("tenant must be 1 to 128 characters").into());
    }
    let wanted = Wanted::read(&body)?;
    let before = one(&name).await?;
    let weight = wanted.weight.unwrap_or(before.weight);
    let cap = wanted.cap.unwrap_or(before.cap);
    redis::run(&SetTenant { tenant: &name, weight, cap }).await?;
    let body = shown(&one(&name).await?);
    audit::done(&context, &body);
    reply::json(200, &body)
}

async fn one(name: &str) -> Result<Tenant, Failure> {
    let found = redis::run(&ReadTenants { tenant: Some(name), limit: 1 }).await?;
    found.into_iter().next().ok_or_else(|| Problem::internal().into())
}

fn shown(tenant: &Tenant) -> Value {
    json!({
        "tenant": tenant.tenant,
        "weight": tenant.weight,
        "max_concurrent": tenant.cap,
        "waiting": tenant.waiting,
        "running": tenant.running,
        "cost_usd": tenant.cost_micro_usd as f64 / 1e6,
    })
}

/// What is to change.
#[derive(Debug, PartialEq)]
struct Wanted {
    weight: Option<f64>,
    /// `Some(None)`: the service's own limit again.
    cap: Option<Option<u32>>,
}

impl Wanted {
    /// Reads the body.
    ///
    /// # Errors
    /// 422 with `details.errors`, one for each field that does not fit.
    fn read(body: &Value) -> Result<Self, Problem> {
        let (empty, mut errors) = (Map::new(), Errors::default());
        let given = body.as_object().unwrap_or(&empty);
        errors.unknown(given, &FIELDS, "");
        if given.is_empty() {
            errors.add("", "must be a JSON object with weight, max_concurrent or both");
        }
        let (least, greatest) = (SetTenant::LEAST_WEIGHT, SetTenant::GREATEST_WEIGHT);
        let weight = given.get("weight").and_then(|value| {
            let weight = value.as_f64().filter(|weight| (least..=greatest).contains(weight));
            if weight.is_none() {
                errors.add("weight", format!("must be a number from {least} to {greatest}"));
            }
            weight
        });
        let cap = given.get("max_concurrent").and_then(|value| {
            let cap = if value.is_null() { Some(None) } else { cap(value).map(Some) };
            if cap.is_none() {
                let message = format!("must be a whole number from 1 to {GREATEST_CAP}, or null for the service's own");
                errors.add("max_concurrent", message);
            }
            cap
        });
        errors.or(Self { weight, cap }, UNACCEPTABLE)
    }
}

fn cap(value: &Value) -> Option<u32> {
    u32::try_from(whole(value)?).ok().filter(|cap| (1..=GREATEST_CAP).contains(cap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::named;

    fn fields(body: Value) -> Vec<String> {
        named(Wanted::read(&body))
    }

    #[test]
    fn what_is_not_named_stays_and_null_takes_a_cap_away() {
        let read = |body: Value| Wanted::read(&body).unwrap();
        assert_eq!(read(json!({ "weight": 2.5 })), Wanted { weight: Some(2.5), cap: None });
        assert_eq!(read(json!({ "max_concurrent": null })), Wanted { weight: None, cap: Some(None) });
        assert_eq!(read(json!({ "max_concurrent": 5.0 })), Wanted { weight: None, cap: Some(Some(5)) });
    }

    #[test]
    fn every_field_that_does_not_fit_is_named() {
        assert_eq!(fields(json!({})), [""]);
        assert_eq!(fields(json!([1])), [""]);
        assert_eq!(fields(json!({ "weight": 0, "max_concurrent": 0, "cap": 1 })), ["cap", "weight", "max_concurrent"]);
        assert_eq!(fields(json!({ "weight": null, "max_concurrent": 1.5 })), ["weight", "max_concurrent"]);
    }
}
