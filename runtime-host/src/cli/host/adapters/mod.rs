//! Connects rooms that do not know each other: each file makes one room's type serve as another's trait.

mod blobs;
mod elsewhere;
mod guard;
mod providers;

pub use blobs::StoredBlobs;
pub use elsewhere::ProviderFiles;
pub use guard::ComponentGuard;
pub use providers::providers;
