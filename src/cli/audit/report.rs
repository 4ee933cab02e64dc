//! What an audit found, for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Report, Snapshots, checked};
use crate::engine::books::Violation;
use crate::journal::Tail;

impl Report {
    /// For people.
    pub(super) fn to_text(&self, data_dir: &Path) -> String {
        let books = &self.books;
        let mut text = format!(
            "data directory   {}\n\
             journal          {} records, the next is {}\n\
             slots            {}\n\
             orders           {}, of which {} are paid\n\
             vouchers         {}\n\
             digest           {}\n",
            data_dir.display(),
            self.records,
            self.next_lsn,
            books.slots,
            books.orders,
            books.paid,
            books.vouchers,
            books.digest,
        );
        if let Tail::Torn(torn) = &self.tail {
            let (file, offset) = (torn.file.display(), torn.offset);
            let _ = writeln!(
                text,
                "tail             torn at {file}, offset {offset}: never acknowledged, the next \
                 start cuts it"
            );
        }
        match &self.snapshots {
            Snapshots::Compared(digest) => {
                let _ = writeln!(text, "from snapshots   {digest}");
            }
            Snapshots::Skipped(why) => {
                let _ = writeln!(text, "from snapshots   INV-6 was not checked: {why}");
            }
        }
        for invariant in checked(&self.snapshots) {
            let broken = self.violations.iter().filter(|it| it.invariant == invariant).count();
            let state = if broken == 0 { "holds " } else { "BROKEN" };
            let _ = writeln!(text, "{}  {state}  {}", invariant.id, invariant.says);
        }
        for violation in &self.violations {
            let _ = writeln!(text, "{} is broken: {}", violation.invariant.id, violation.detail);
        }
        text
    }

    /// For programs: one object.
    pub(super) fn to_json(&self, data_dir: &Path) -> Value {
        let books = &self.books;
        let (digest, skipped) = match &self.snapshots {
            Snapshots::Compared(digest) => (Some(digest.to_string()), None),
            Snapshots::Skipped(why) => (None, Some(why)),
        };
        let violation = |it: &Violation| {
            let Violation { invariant, detail } = it;
            json!({ "invariant": invariant.id, "says": invariant.says, "detail": detail })
        };
        json!({
            "data_dir": data_dir.display().to_string(),
            "passed": self.violations.is_empty(),
            "records": self.records,
            "next_lsn": self.next_lsn.get(),
            "torn_tail": matches!(self.tail, Tail::Torn(_)),
            "slots": books.slots,
            "orders": books.orders,
            "orders_paid": books.paid,
            "vouchers": books.vouchers,
            "digest": books.digest.to_string(),
            "snapshot_digest": digest,
            "snapshots_skipped": skipped,
            "checked": checked(&self.snapshots).map(|it| it.id).collect::<Vec<_>>(),
            "violations": self.violations.iter().map(violation).collect::<Vec<_>>(),
        })
    }
}
