//! A tenant's terms: its share of the turns, and how many of its files may run at once.

use super::script;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Sets a tenant's terms; the defaults forget them.
#[derive(Debug, Clone, PartialEq)]
pub struct SetTenant<'a> {
    /// The guard's `caller`.
    pub tenant: &'a str,
    /// Turns it gets beside one of a tenant of weight 1; must be above 0. 1 by default.
    pub weight: f64,
    /// Files of it running at once, in place of the workers' own limit.
    pub cap: Option<u32>,
}

impl SetTenant<'_> {
    /// The least weight.
    pub const LEAST_WEIGHT: f64 = 0.001;
    /// The greatest weight.
    pub const GREATEST_WEIGHT: f64 = 1000.0;
}

impl Command for SetTenant<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        // What is no number, or none that makes sense, must never stop the turns of the others.
        let weight = if self.weight.is_finite() { self.weight } else { 1.0 };
        let weight = weight.clamp(Self::LEAST_WEIGHT, Self::GREATEST_WEIGHT);
        let cap = self.cap.map_or_else(|| "-".to_owned(), |cap| cap.to_string());
        Call::new(script!("set_tenant"), keys, [Arg::from(self.tenant), weight.to_string().into(), cap.into()])
    }

    fn read(&self, _replies: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}

/// How a tenant stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// The guard's `caller`.
    pub tenant: String,
    /// See [`SetTenant::weight`].
    pub weight: f64,
    /// See [`SetTenant::cap`].
    pub cap: Option<u32>,
    /// Its files in line.
    pub waiting: u64,
    /// Its files that workers hold.
    pub running: u64,
    /// What its generations cost so far, in millionths of a dollar.
    pub cost_micro_usd: u64,
}

/// Looks at tenants, by name: one, or those that have terms of their own, are at work, or have cost
/// something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTenants<'a> {
    /// Which; `None` for all of them.
    pub tenant: Option<&'a str>,
    /// At most so many.
    pub limit: u32,
}

impl Command for ReadTenants<'_> {
    type Reply = Vec<Tenant>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(
            script!("read_tenants", [queue]),
            keys,
            [Arg::from(self.tenant.unwrap_or_default()), self.limit.into()],
        )
    }

    fn read(&self, mut replies: Replies) -> Result<Vec<Tenant>, UnexpectedReply> {
        let count = |replies: &mut Replies| Ok(u64::try_from(replies.int()?).unwrap_or_default());
        let mut tenants = Vec::new();
        while !replies.is_empty() {
            let (tenant, weight, cap) = (replies.text()?, replies.text()?, replies.text()?);
            tenants.push(Tenant {
                tenant,
                weight: weight.parse().unwrap_or(1.0),
                cap: cap.parse().ok(),
                waiting: count(&mut replies)?,
                running: count(&mut replies)?,
                cost_micro_usd: count(&mut replies)?,
            });
        }
        Ok(tenants)
    }
}
