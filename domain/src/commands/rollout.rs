//! Components' releases in Redis: the record of each, which is written only by whoever read the newest one, and the bytes
//! of those that were uploaded.

use super::script;
use crate::keys::Keyspace;
use crate::rollout::Rollout;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Reads one component's record, or every one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRollouts<'a> {
    /// Which; `None` for all.
    pub component: Option<&'a str>,
}

impl Command for ReadRollouts<'_> {
    /// By the components' ids. A component that was never changed has none.
    type Reply = Vec<(String, Rollout)>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("read_rollouts"), keys, [Arg::from(self.component.unwrap_or_default())])
    }

    fn read(&self, mut replies: Replies) -> Result<Self::Reply, UnexpectedReply> {
        let mut all = Vec::new();
        while !replies.is_empty() {
            let (id, text) = (replies.text()?, replies.text()?);
            let rollout = serde_json::from_str(&text).map_err(|_| replies.unexpected("a record is no JSON of ours"))?;
            all.push((id, rollout));
        }
        Ok(all)
    }
}

/// Writes a component's record, if the one it was made from is still the newest. Uploads that no record refers to any more
/// are forgotten after a while, whoever writes.
#[derive(Debug, Clone, Copy)]
pub struct SetRollout<'a> {
    /// Whose.
    pub component: &'a str,
    /// Made from the record of this revision; 0 where there was none.
    pub from: u64,
    /// What is to stand there. Its revision becomes the next one.
    pub rollout: &'a Rollout,
}

impl Command for SetRollout<'_> {
    /// Whether it was written.
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        let next = Rollout { revision: self.from + 1, ..self.rollout.clone() };
        let record = serde_json::to_string(&next).unwrap_or_default();
        Call::new(script!("set_rollout"), keys, [Arg::from(self.component), self.from.into(), record.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.int()? == 1)
    }
}

/// Keeps a piece of a component that is being uploaded. A piece that is sent twice is kept once.
#[derive(Debug, Clone, Copy)]
pub struct KeepComponentPiece<'a> {
    /// Names the upload.
    pub upload: &'a str,
    /// Where the piece begins.
    pub offset: usize,
    /// The piece.
    pub bytes: &'a [u8],
}

impl Command for KeepComponentPiece<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        let args = [Arg::from(self.upload), self.offset.into(), Arg::Bytes(self.bytes.to_vec())];
        Call::new(script!("keep_component_piece"), keys, args)
    }

    fn read(&self, _: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}

/// Gives an upload that is complete its digest as its name. It is forgotten after an hour, unless a record refers to it.
#[derive(Debug, Clone, Copy)]
pub struct NameComponent<'a> {
    /// Names the upload.
    pub upload: &'a str,
    /// Its digest.
    pub digest: &'a str,
}

impl Command for NameComponent<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("name_component"), keys, [Arg::from(self.upload), Arg::from(self.digest)])
    }

    fn read(&self, _: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_written_as_the_next_of_the_one_it_was_made_from() {
        let call = SetRollout { component: "web", from: 4, rollout: &Rollout::default() }.call(&Keyspace::single());
        let [_, component, from, record] = call.args.as_slice() else { panic!("{:?}", call.args) };
        assert_eq!((component, from), (&Arg::from("web"), &Arg::from(4_u64)));
        let Arg::Bytes(record) = record else { panic!() };
        assert_eq!(serde_json::from_slice::<Rollout>(record).unwrap().revision, 5);
    }
}
