//! Moving an unusable directory out of the way.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::stamp::StampDifference;

/// Why a store was set aside. All of it is rebuilt from the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetAsideReason {
    /// It could not be opened, something in it is wrong or lost, or it was condemned.
    #[error("damaged: {0}")]
    Damaged(String),
    /// It belongs to another installation, schema or sharding.
    #[error("its stamp differs in {}", names(.0))]
    OtherStamp(Vec<StampDifference>),
}

fn names(differences: &[StampDifference]) -> String {
    differences.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Renames `dir` to `<dir>.damaged-<n>` and removes the ones set aside earlier, so that there is at
/// most one to look at and they never fill the disk. Returns the new name.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let parent = parent(dir);
    let prefix = format!("{}.damaged-", file_name(dir)?);
    let mut earlier = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix))
            .and_then(|number| number.parse::<u64>().ok());
        if let Some(number) = number {
            earlier.push((number, entry.path()));
        }
    }
    let last = earlier.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let target = parent.join(format!("{prefix}{}", last.saturating_add(1)));
    fs::rename(dir, &target)?;
    sync_dir(parent)?;
    for (_, path) in earlier {
        fs::remove_dir_all(path)?;
    }
    Ok(target)
}

/// The directory that holds `path`.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes created, renamed and removed names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn file_name(dir: &Path) -> io::Result<&str> {
    let name = dir.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a directory name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_kept_and_numbers_go_up() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("snapshot");
        for round in 1..=3 {
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("round"), round.to_string()).unwrap();
            let target = set_aside(&dir).unwrap();
            assert_eq!(target, root.path().join(format!("snapshot.damaged-{round}")));
            assert_eq!(fs::read_to_string(target.join("round")).unwrap(), round.to_string());
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        }
    }
}
