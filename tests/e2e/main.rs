//! End to end: the built product with real parts, through its front door.
//!
//! Every test starts its own product on a free port with a data folder of its own, so tests do not meet.

mod bad_input;
mod browser;
mod faults;
mod main_job;
mod memory;
mod operator;
mod terminal;
