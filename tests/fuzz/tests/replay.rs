//! Every saved input, and mutations of it, through its target.

use std::path::{Path, PathBuf};

use clock::Chance;
use todoke_fuzz::{TARGETS, corpus, find, mutate::mutated};

/// Bytes that all corpora together may have.
const CORPORA_BYTES_MAX: u64 = 1 << 20;

fn folder() -> PathBuf {
    // Asked at run time: clones share one folder of build products.
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&here).join("corpus")
}

fn saved(name: &str) -> Vec<Vec<u8>> {
    let folder = folder().join(name);
    let hand = corpus::by_hand(&folder).expect("saved inputs can be read").into_iter().map(|(_, data)| data);
    hand.chain(corpus::found(&folder).expect("found inputs can be read")).collect()
}

/// On a panic the input is written down, for a run of `make fuzz` to begin from and for people to look at.
struct OnPanic<'a>(&'a str, &'a [u8]);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let file = std::env::temp_dir().join(format!("todoke-fuzz-{}.bin", self.0));
            let written = std::fs::write(&file, self.1).is_ok();
            eprintln!(
                "{}: this input fails: {} (written: {written}): {}",
                self.0,
                file.display(),
                self.1.escape_ascii()
            );
        }
    }
}

fn replay(name: &str) {
    let target = find(name).expect("the target exists");
    let inputs = saved(name);
    assert!(inputs.len() >= 3, "{name}: {} inputs are saved", inputs.len());
    let run = |data: &[u8]| {
        let note = OnPanic(name, data);
        (target.run)(data);
        drop(note);
    };
    run(b"");
    for data in &inputs {
        run(data);
    }
    let mut chance = Chance::seeded(1);
    let count = u64::try_from(inputs.len()).unwrap_or(1);
    let any = |chance: &mut Chance| usize::try_from(chance.below(count)).ok().and_then(|at| inputs.get(at));
    for _ in 0..target.mutations {
        let (Some(one), Some(other)) = (any(&mut chance), any(&mut chance)) else { continue };
        run(&mutated(one, other, &mut chance));
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed_and_every_corpus_has_a_target() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let entries = std::fs::read_dir(folder()).expect("the corpora lie beside this test").flatten();
            let mut folders: Vec<String> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            folders.sort();
            assert_eq!(folders, names);
        }
    };
}

replays! {
    addresses calls capabilities commands configurations contents end_of_data incoming keys links policies quoted_replies
    records replies reports sending signatures stuffing subjects
}

#[test]
fn the_saved_corpora_stay_small() {
    let bytes: u64 = TARGETS
        .iter()
        .flat_map(|target| std::fs::read_dir(folder().join(target.name)).into_iter().flatten().flatten())
        .map(|entry| entry.metadata().map_or(0, |meta| meta.len()))
        .sum();
    assert!(bytes < CORPORA_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn what_is_packed_is_unpacked_and_the_smallest_go_first() {
    let (saved, given, back) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(saved.path().join("a.bin"), b"by hand").unwrap();
    for (name, data) in [("1", &b"by hand"[..]), ("2", b""), ("3", b"found \0\xff"), ("4", &[7; 60_000])] {
        std::fs::write(given.path().join(name), data).unwrap();
    }
    corpus::pack(saved.path(), given.path()).unwrap();
    assert_eq!(corpus::found(saved.path()).unwrap(), [b"".to_vec(), b"found \0\xff".to_vec()]);
    corpus::unpack(saved.path(), back.path()).unwrap();
    assert_eq!(std::fs::read_dir(back.path()).unwrap().count(), 3);
    std::fs::write(saved.path().join(corpus::FOUND), b"\x05\0\0\0abc").unwrap();
    assert!(corpus::found(saved.path()).is_err());
}
