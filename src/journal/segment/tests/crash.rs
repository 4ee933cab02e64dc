//! Crashes at random: what was acknowledged is there afterwards, or the log refuses to open.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What happens to the image of a store whose last group had not been synced.
#[derive(Clone, Debug)]
enum Accident {
    /// Power fails: each sector of the last group has reached the disk or not.
    Power { kept: Vec<bool> },
    /// The last group is preceded or replaced by noise.
    Noise { bytes: Vec<u8> },
    /// One byte of the last segment changes.
    Flip { at: Index, with: u8 },
    /// The last segment loses its end.
    Short { to: Index },
}

const SECTOR: usize = 512;

fn accidents() -> impl Strategy<Value = Accident> {
    prop_oneof![
        vec(any::<bool>(), 16).prop_map(|kept| Accident::Power { kept }),
        vec(any::<u8>(), 1..8192).prop_map(|bytes| Accident::Noise { bytes }),
        (any::<Index>(), 1..=u8::MAX).prop_map(|(at, with)| Accident::Flip { at, with }),
        any::<Index>().prop_map(|to| Accident::Short { to }),
    ]
}

/// Where one group lies in the last segment.
struct Placed {
    begin: usize,
    /// The end of header and payload, before the padding.
    covered: usize,
    end: usize,
    next: Lsn,
}

/// What opening must find: the end of the log, or that it refuses.
#[derive(Debug, PartialEq)]
enum Expected {
    Next(Lsn),
    Refused,
}

/// Changes `image` and says what must come of it.
fn strike(accident: &Accident, image: &mut Vec<u8>, first: Lsn, placed: &[Placed]) -> Expected {
    let last = placed.last();
    let synced = match placed {
        [.., before, _] => before.next,
        _ => first,
    };
    let all = last.map_or(first, |last| last.next);
    let end = last.map_or(PAGE_BYTES as usize, |last| last.end);
    match accident {
        Accident::Power { kept } => {
            let Some(last) = last else { return Expected::Next(first) };
            let mut torn = false;
            for (sector, kept) in image[last.begin..last.end].chunks_mut(SECTOR).zip(kept) {
                torn |= !kept && sector.iter().any(|byte| *byte != 0);
                if !kept {
                    sector.fill(0);
                }
            }
            Expected::Next(if torn { synced } else { all })
        }
        Accident::Noise { bytes } => {
            let begin = last.map_or(end, |last| last.begin);
            let bytes = &bytes[..bytes.len().min(image.len() - begin)];
            image[begin..].fill(0);
            image[begin..begin + bytes.len()].copy_from_slice(bytes);
            Expected::Next(synced)
        }
        Accident::Flip { at, with } => {
            let at = at.index(end);
            image[at] ^= with;
            let hit = |placed: &Placed| (placed.begin..placed.covered).contains(&at);
            match placed.iter().position(hit) {
                Some(number) if number + 1 == placed.len() => Expected::Next(synced),
                Some(_) => Expected::Refused,
                None if at < 72 => Expected::Refused,
                None => Expected::Next(all),
            }
        }
        Accident::Short { to } => {
            let to = to.index(image.len());
            image.truncate(to);
            if to > end { Expected::Next(all) } else { Expected::Refused }
        }
    }
}

fn run(groups: &[Vec<usize>], accident: &Accident) {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&dir).unwrap();
    let mut placed: Vec<Placed> = Vec::new();
    for lengths in groups {
        let group = group(&log, lengths);
        let path = log.path.clone();
        log.append(&group).unwrap();
        if log.path != path {
            placed.clear();
        }
        let end = log.at.offset as usize;
        let begin = end - frame::block_bytes(group.payload().len()) as usize;
        let covered = begin + frame::BLOCK_HEADER_BYTES + group.payload().len();
        placed.push(Placed { begin, covered, end, next: log.next_lsn() });
    }
    let (path, first) = (log.path.clone(), log.header.first);
    drop(log);
    let mut image = fs::read(&path).unwrap();
    let expected = strike(accident, &mut image, first, &placed);
    fs::write(&path, &image).unwrap();

    let seen = SegmentReader::open(dir.path()).unwrap().read_from::<LogError>(Lsn::ZERO, |entry| {
        check_entry(&entry);
        Ok(())
    });
    let opened = open(&dir);
    match (&expected, opened) {
        (Expected::Next(next), Ok((mut log, recovery))) => {
            assert_eq!(recovery.next_lsn, *next);
            assert_eq!(seen.unwrap(), ReadEnd { next: *next, tail: recovery.tail });
            assert_eq!(read(&log, 1), ((1..next.get()).collect(), next.get()));
            // Whatever was cut is no longer in the way, however long the next group is.
            append(&mut log, &[&[3]]);
            drop(log);
            let (mut log, recovery) = open(&dir).unwrap();
            assert_eq!((recovery.tail, recovery.next_lsn), (Tail::Clean, next.next()));
            append(&mut log, &[&[6000][..], &[]]);
            assert_eq!(read(&log, 1), ((1..next.get() + 2).collect(), next.get() + 2));
        }
        (Expected::Refused, Err(LogError::Damaged { .. })) => {
            assert!(matches!(seen, Err(LogError::Damaged { .. })));
            assert_eq!(fs::read(&path).unwrap(), image, "nothing was changed");
        }
        (expected, opened) => panic!("expected {expected:?}, found {:?}", opened.map(|o| o.1)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_survives_or_the_log_refuses(
        groups in vec(vec(0..2500_usize, 1..4), 0..10),
        accident in accidents(),
    ) {
        run(&groups, &accident);
    }
}

#[test]
fn a_group_whose_first_page_never_arrived_is_cut() {
    let kept = [vec![false; 8], vec![true; 8]].concat();
    run(&[vec![10], vec![6000]], &Accident::Power { kept });
}
