//! The key file: where the keys live when the environment does not give them.
//!
//! Text, one key a line, version first; `#` starts a comment line:
//!
//! ```text
//! piaoku-keys 1
//! root 64 hexadecimal digits
//! seal 64 hexadecimal digits
//! seal 64 hexadecimal digits
//! ```
//!
//! - `root` stands exactly once and must never change: identity hashes and voucher codes come from it.
//! - `seal` stands once or more: the first seals, all open. To rotate, put a new `seal` line first and
//!   restart; an old line may go once nothing in journal, archive or snapshots was sealed by it.
//! - Keys may also be written in Base64.
//!
//! The parser is ours because a general one quotes the offending line in its errors.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key::{DataKey, KeyError, Secrets};

/// Name of the key file in the directory given.
pub const KEY_FILE_NAME: &str = "piaoku.keys";
/// Longest key file in bytes: 33 keys and ample comments.
const KEY_FILE_LEN_MAX: u64 = 64 * 1024;
const HEADER: &str = "piaoku-keys 1";

/// What to do when there is no key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKeyFile {
    /// Create one: this is the first start on an empty store.
    Create,
    /// Refuse: there is a store already, and new keys could not read it.
    Refuse,
}

/// Where the keys came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The text the caller took from the environment.
    Environment,
    /// A key file that was there.
    File(PathBuf),
    /// A key file written just now. Whoever backs up the store must back this file up as well.
    CreatedFile(PathBuf),
}

/// Reads the key file in `dir`, or creates it where `missing` allows.
pub(super) fn load(dir: &Path, missing: MissingKeyFile) -> Result<(Secrets, KeySource), KeyError> {
    let path = dir.join(KEY_FILE_NAME);
    match File::open(&path) {
        Ok(file) => Ok((read(file, &path)?, KeySource::File(path))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match missing {
            MissingKeyFile::Refuse => Err(KeyError::FileMissing { path }),
            MissingKeyFile::Create => create(dir, path),
        },
        Err(error) => Err(KeyError::Io { path, error }),
    }
}

/// Checks and reads an open key file. Its permissions are those of the opened file, not of whatever
/// has the name by now.
fn read(file: File, path: &Path) -> Result<Secrets, KeyError> {
    let failed = |error| KeyError::Io { path: path.to_owned(), error };
    let bad = |reason| KeyError::BadFile { path: path.to_owned(), reason };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(bad("not a regular file"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::FileOpenToOthers { path: path.to_owned(), mode });
    }
    if metadata.len() > KEY_FILE_LEN_MAX {
        return Err(bad("longer than 64 KiB"));
    }
    // Reserved in full, so that growing leaves no unwiped copies behind.
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_LEN_MAX as usize + 1));
    file.take(KEY_FILE_LEN_MAX).read_to_string(&mut text).map_err(failed)?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Secrets, KeyError> {
    let bad = |reason| KeyError::BadFile { path: path.to_owned(), reason };
    let mut lines = text
        .lines()
        .map(str::trim)
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    if lines.next().is_none_or(|(_, line)| line != HEADER) {
        return Err(bad("does not begin with \"piaoku-keys 1\""));
    }
    let (mut roots, mut sealing) = (Vec::new(), Vec::new());
    for (index, line) in lines {
        let place = || format!("{}, line {}", path.display(), index + 1);
        match line.split_once(char::is_whitespace) {
            Some(("root", key)) => roots.push(DataKey::parse(key.trim(), place)?),
            Some(("seal", key)) => sealing.push(DataKey::parse(key.trim(), place)?),
            _ => return Err(bad("a line is neither \"root\" nor \"seal\" with a key")),
        }
    }
    Secrets::checked(roots, sealing)
}

/// Writes new keys under a temporary name and then gives them the real one, so that a crash leaves
/// either no key file or a whole one, and of two starters exactly one wins.
fn create(dir: &Path, path: PathBuf) -> Result<(Secrets, KeySource), KeyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| KeyError::Io { path, error }
    };
    let secrets = Secrets::generate()?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|_| KeyError::NoRandomness)?;
    let temporary = dir.join(format!("{KEY_FILE_NAME}.{}.new", hex::encode(suffix)));

    let written = write(&temporary, &secrets);
    // Unlike a rename, a link never replaces a file that another starter has put there meanwhile.
    let linked = written.and_then(|()| fs::hard_link(&temporary, &path));
    // Best effort: a file left over holds keys that nothing was or will be sealed with.
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir))?;
            Ok((secrets, KeySource::CreatedFile(path)))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = File::open(&path).map_err(failed(&path))?;
            Ok((read(file, &path)?, KeySource::File(path)))
        }
        Err(error) => Err(KeyError::Io { path, error }),
    }
}

fn write(path: &Path, secrets: &Secrets) -> io::Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str(HEADER);
    text.push_str("\n# Whoever has this file can read the personal data in the store; without it nobody can.\n");
    text.push_str("# Back it up apart from the store. Never change the root line.\n");
    text.push_str("root ");
    text.push_str(&secrets.root.to_hex());
    for key in &secrets.sealing {
        text.push_str("\nseal ");
        text.push_str(&key.to_hex());
    }
    text.push('\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_first_start_writes_a_file_that_the_next_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE_NAME);
        let (created, source) = load(dir.path(), MissingKeyFile::Create).unwrap();
        assert_eq!(source, KeySource::CreatedFile(path.clone()));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");

        let (read, source) = load(dir.path(), MissingKeyFile::Refuse).unwrap();
        assert_eq!(source, KeySource::File(path));
        assert_eq!(read.root.to_hex(), created.root.to_hex());
        assert_eq!(read.sealing[0].id(), created.sealing[0].id());
        assert_ne!(read.root.to_hex(), read.sealing[0].to_hex());
    }

    #[test]
    fn a_file_that_others_may_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        load(dir.path(), MissingKeyFile::Create).unwrap();
        let path = dir.path().join(KEY_FILE_NAME);
        for (bits, allowed) in [(0o640, false), (0o604, false), (0o620, false), (0o400, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            match load(dir.path(), MissingKeyFile::Create) {
                Ok(_) => assert!(allowed, "{bits:o}"),
                Err(KeyError::FileOpenToOthers { mode, .. }) => {
                    assert!(!allowed && mode == bits, "{bits:o}");
                }
                Err(error) => panic!("{bits:o}: {error}"),
            }
        }
    }

    #[test]
    fn keys_are_not_invented_for_an_existing_store() {
        let dir = tempfile::tempdir().unwrap();
        let refused = load(dir.path(), MissingKeyFile::Refuse);
        assert!(matches!(refused, Err(KeyError::FileMissing { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let nowhere = load(&dir.path().join("absent"), MissingKeyFile::Create);
        assert!(matches!(nowhere, Err(KeyError::Io { .. })));
    }

    #[test]
    fn of_two_first_starts_one_wins_and_both_agree() {
        let dir = tempfile::tempdir().unwrap();
        let roots: Vec<String> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| load(dir.path(), MissingKeyFile::Create).unwrap()))
                .collect();
            starters.into_iter().map(|s| s.join().unwrap().0.root.to_hex().to_string()).collect()
        });
        assert!(roots.iter().all(|root| *root == roots[0]));
    }

    #[test]
    fn the_text_form_is_checked_line_by_line() {
        let path = Path::new("k");
        let other = KEY.replace("00", "ff");
        let good = format!("# ours\n{HEADER}\n\nroot {KEY}\nseal\t{other}\n seal {KEY} \n");
        let secrets = parse(&good, path).unwrap();
        assert_eq!(secrets.root.to_hex().as_str(), KEY);
        assert_eq!(secrets.sealing[0].to_hex().as_str(), other);
        assert_eq!(secrets.sealing.len(), 2);

        let check = |text: &str, expected: fn(&KeyError) -> bool| {
            let error = parse(text, path).unwrap_err();
            assert!(expected(&error), "{text:?} gave {error}");
            assert!(!error.to_string().contains(&KEY[..8]));
        };
        check("", |e| matches!(e, KeyError::BadFile { .. }));
        check("piaoku-keys 2\n", |e| matches!(e, KeyError::BadFile { .. }));
        check(&format!("{HEADER}\n{KEY}\n"), |e| matches!(e, KeyError::BadFile { .. }));
        check(&format!("{HEADER}\nroot {KEY}\n"), |e| matches!(e, KeyError::NoSealingKey));
        check(&format!("{HEADER}\nseal {KEY}\n"), |e| {
            matches!(e, KeyError::RootCount { found: 0 })
        });
        check(
            &format!("{HEADER}\nroot {KEY}\nseal {KEY}x\n"),
            |e| matches!(e, KeyError::Malformed { place } if place == "k, line 3"),
        );
    }
}
