//! The worker over real parts: a real Redis, FAL's simulator, real images. Each test has its own of everything.

#[cfg(test)]
mod away;
#[cfg(test)]
mod certainty;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fal_webhooks;
#[cfg(test)]
mod files;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod list;
#[cfg(test)]
mod money;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod path;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod webhooks;
