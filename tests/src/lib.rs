//! The harness of the end-to-end tests: starts the built product with real parts and speaks to it as its users do.
//!
//! The programs are found beside the test binary (`cargo xtask test` builds them first); nothing here reaches into them.

pub mod browser;
pub mod client;
pub mod cluster;
pub mod craft;
pub mod crew;
pub mod exposition;
pub mod fleet;
pub mod glb;
pub mod http2;
pub mod kept;
pub mod nginx;
pub mod otlp;
pub mod product;
pub mod proof;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod redis;
pub mod sim;
pub mod tables;

pub use image2model_photograph as photo;
pub use image2model_processes as process;

pub use client::Client;
pub use cluster::Cluster;
pub use crew::Crew;
pub use fleet::Fleet;
pub use product::Product;
