//! What the journal asks of a storage, whichever it is.

use crate::journal::{Group, LogError};
use crate::types::Lsn;

/// Something that can be appended.
pub trait Record: Send + 'static {
    /// Version of the encoding, stored with every group and given back to readers.
    const SCHEMA: u16;

    /// Appends the encoded record to `out`, leaving what is there. Runs on the journal thread.
    fn encode_into(&self, out: &mut Vec<u8>);
}

/// One record as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its position.
    pub lsn: Lsn,
    /// [`Record::SCHEMA`] of whoever wrote it.
    pub schema: u16,
    /// The encoded record.
    pub bytes: &'a [u8],
}

/// Append-only storage of groups. One suite of tests, `conformance.rs`, states these promises and
/// runs against every implementation.
///
/// - A group is stored whole or not at all, and readers see groups in the order they were appended,
///   with positions that count up by one from 1.
/// - `append` returns only when the group is durable, so at most one group is ever unsynced.
/// - After an append failed the log stops: later ones fail too and write nothing.
/// - Positions belong to one log; nothing may compare positions of two logs.
pub trait Log: Send + 'static {
    /// The position the next group must begin at.
    fn next_lsn(&self) -> Lsn;

    /// The oldest position that can still be read; equal to `next_lsn` when there is none.
    ///
    /// # Errors
    /// [`LogError::Io`].
    fn first_lsn(&self) -> Result<Lsn, LogError>;

    /// Stores `group`, which must begin at `next_lsn`, and returns when it is durable. An empty
    /// group changes nothing.
    ///
    /// # Errors
    /// [`LogError::OutOfOrder`] and [`LogError::GroupTooLarge`] have written nothing and leave the log
    /// usable. After any other error the outcome is unknown until the log is opened again.
    fn append(&mut self, group: &Group) -> Result<(), LogError>;

    /// Visits every record from position `from` on, in order, and returns the position after the last
    /// record of the log. [`Lsn::ZERO`] and 1 both mean the beginning.
    ///
    /// # Errors
    /// [`LogError::Removed`], [`LogError::Damaged`], [`LogError::Io`], or the first error of `visit`.
    fn read_from<E: From<LogError>>(
        &self,
        from: Lsn,
        visit: impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<Lsn, E>;

    /// A handle that can truncate the log from another thread while this one appends.
    fn truncator(&self) -> Box<dyn Truncator>;

    /// Same as [`Truncator::truncate_before`], on this thread.
    ///
    /// # Errors
    /// See there.
    fn truncate_before(&mut self, lsn: Lsn) -> Result<(), LogError> {
        self.truncator().truncate_before(lsn)
    }
}

/// Gives up what a snapshot has made superfluous.
pub trait Truncator: Send + 'static {
    /// Allows the log to archive or remove whatever lies wholly before `lsn`. Records from `lsn` on
    /// stay readable; how many older ones do is the storage's choice. May take as long as compressing
    /// a segment does. Repeating it, or an interruption at any point, does no harm.
    ///
    /// # Errors
    /// [`LogError::Io`] or [`LogError::Damaged`]; nothing that was readable has become unreadable.
    fn truncate_before(&mut self, lsn: Lsn) -> Result<(), LogError>;
}
