//! End to end: the built product with real parts, through its front door.
//!
//! Every test starts its own product on a free port with a data folder of its own, so tests do not meet. The modules are marked as tests so that
//! their helpers fall under the lints' rules for tests.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod cells;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod fal_webhooks;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod otlp_metrics;
#[cfg(test)]
mod ownership;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod redis_hangs;
#[cfg(test)]
mod redis_refuses;
#[cfg(test)]
mod results;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod status;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod terminal_jobs;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod uploads;
