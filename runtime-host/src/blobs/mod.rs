//! The bytes: uploaded images and results, in the seeds' folders, behind `object_store`.
//!
//! `uploads/{job}/{file}_original.jpg` lies in `UPLOAD_DIR`, `results/{job}/{file}_model.glb` in `RESULTS_DIR`. The worker
//! calls [`Blobs`] directly; components reach the same store through the [`gateway`].

mod error;
mod folders;
pub mod gateway;
mod housekeeping;
mod inventory;
mod key;
mod owner;
mod removal;
mod space;
mod store;
mod sweep;

pub use error::BlobError;
pub use inventory::{AreaUsage, Held, JobPage};
pub use key::{Area, BlobKey, BlobPrefix};
pub use removal::remove_useless_blobs;
pub use space::{Disk, FreeSpace};
pub use store::{Blob, BlobMeta, Blobs, Freed};
pub use sweep::{SweepSettings, sweep_orphans};
