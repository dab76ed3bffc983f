//! Whose blobs these are. "No job knows it" says something only of the jobs that the blobs were stored for: with another
//! Redis (a new one after a loss, one of another cell, a wrong address) it would be true of every blob there is. So Redis and
//! each folder bear the same mark; where they do not, nothing is an orphan.

use std::io;

use tokio::fs;

use super::housekeeping::Housekeeper;
use super::store::at;
use super::sweep::SweepError;
use super::{Area, BlobError, Blobs};

/// The mark's file in an area's folder. No blob's name begins with a dot.
const FILE: &str = ".jobs-of";

impl Blobs {
    /// Whether an area's blobs are those of the jobs in this Redis. An area without a mark becomes so.
    pub(super) async fn are_of(&self, keeper: &Housekeeper, area: Area) -> Result<bool, SweepError> {
        let path = self.area_folder(area).join(FILE);
        let ours = match (self.mark(area).await?, keeper.mark().await?) {
            (Some(theirs), ours) => return Ok(ours.is_some_and(|ours| ours == theirs)),
            (None, Some(ours)) => ours,
            (None, None) => keeper.make_mark().await?,
        };
        fs::write(&path, &ours).await.map_err(at(&path))?;
        Ok(true)
    }

    async fn mark(&self, area: Area) -> Result<Option<String>, BlobError> {
        let path = self.area_folder(area).join(FILE);
        match fs::read_to_string(&path).await {
            Ok(mark) => Ok(Some(mark.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }
}
