//! Damage as a table: files cut, bits flipped, files gone. Either all that was synced is there and right, or the queue
//! says what is wrong and hands out nothing. Each case is opened by a child process, because stopping the process is one
//! of the right answers.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use clock::{Chance, Clock};
use common::*;
use mail_model::{Cause, NotificationId, Outcome, UnixMs};
use queue::{Queue, QueueSettings, Write};

const DIR: &str = "TODOKE_DAMAGE_DIR";
const FINE: i32 = 40;
const REFUSED: i32 = 41;
const WRONG: i32 = 42;

/// Recipients of the three messages, all synced; some of the first are settled.
const COUNTS: [u32; 3] = [30, 5, 40];
/// Settlings that are in the log without a sync when the directory is copied.
const UNSYNCED: usize = 25;
/// Settled and synced: four that failed, one that was accepted and came back.
const SYNCED: usize = 5;
/// Long enough that it does not fit into a block of the log.
fn long_mail() -> String {
    "日本語".repeat(9_000)
}

/// A queue with something in every file. The syncer is kept from syncing the last settlings.
fn make(dir: &Path) {
    let clock = Clock::manual(START);
    let never = QueueSettings { sync_interval: Duration::from_secs(3_600), ..settings() };
    let queue = Queue::open(&dir.join("q"), settings(), clock.clone()).unwrap();
    accept(&queue, message("c"), &lane("au"), COUNTS[0]);
    let mut claimed = claim_all(&queue, &clock);
    for queued in claimed.drain(..SYNCED - 1) {
        done(&queue, queued, Outcome::Failed(Cause::AddressUnknown), START);
    }
    let returned = claimed.remove(0);
    let id = returned.id;
    done(&queue, returned, Outcome::Accepted, START);
    drop(claimed);
    let mails: Vec<_> = [long_mail(), "kept".to_owned()].iter().map(|content| receive(&queue, content)).collect();
    let bounced = report(id, Outcome::Bounced(Cause::MailboxFull));
    let write = Write::new().late(&bounced).inbox_kept(mails[1], "reply", "").audit(audit_entry("one"));
    queue.write_late(write.remember(b"m/1", b"known", UnixMs::NEVER)).unwrap();
    drop(queue);
    let queue = Queue::open(&dir.join("q"), never, clock.clone()).unwrap();
    receive(&queue, "short");
    accept(&queue, message("c"), &lane("docomo"), COUNTS[1]);
    accept(&queue, message("c"), &lane("au"), COUNTS[2]);
    let claimed = claim_all(&queue, &clock);
    for queued in claimed.into_iter().take(UNSYNCED) {
        done(&queue, queued, Outcome::Accepted, START);
    }
    // Copied while it is open: what was written is in the files, whether synced or not.
    copy(&dir.join("q"), &dir.join("whole"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "LOCK" {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn files(dir: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| wanted(&path.file_name().unwrap().to_string_lossy())).collect();
    found.sort();
    found
}

/// Opens and reads everything there is. Gives why it is not what was put in.
fn examine(queue: &Queue, clock: &Clock) -> Result<(), String> {
    let campaign = "c".parse().unwrap();
    let messages = queue.messages_of(&campaign);
    let counts: Vec<u32> = messages.iter().map(|id| queue.message(*id).map_or(0, |m| m.count)).collect();
    if counts != COUNTS {
        return Err(format!("messages {counts:?}"));
    }
    let mut seen = BTreeSet::new();
    let records = queue.outbox(0, usize::MAX);
    // One notification has two outcomes.
    let ended = records.len().saturating_sub(1);
    if !(SYNCED..=SYNCED + UNSYNCED).contains(&ended) || records.iter().zip(1..).any(|(record, seq)| record.seq != seq)
    {
        return Err(format!("{ended} outcomes"));
    }
    for queued in claim_all(queue, clock) {
        let right = queued.address == address(queued.id.index, "docomo.ne.jp")
            && queued.payload == queued.id.index.to_be_bytes()
            && queue.message(queued.id.message).is_some_and(|m| m.content == b"content of c");
        if !right || !seen.insert(queued.id) {
            return Err("a wrong or a second notification".to_owned());
        }
    }
    let right = inbox_of(queue) == [long_mail(), "short".to_owned()]
        && queue.kept(None, 9).iter().map(|kept| &kept.mail).eq([&mail("kept")])
        && queue.audit(0, 9) == [(1, audit_entry("one"))]
        && queue.remembered(b"m/1").as_deref() == Some(b"known");
    if !right || records.iter().any(|record| queue.last_attempt(record.id).is_none()) {
        return Err("what came in is not what is there".to_owned());
    }
    let tally = queue.tally(&campaign);
    if tally.ended != ended as u64 || tally.queued() != seen.len() as u64 {
        return Err(format!("sums {tally:?}"));
    }
    seen.extend(records.iter().map(|record| record.id));
    let all = messages.iter().zip(COUNTS);
    let all = all.flat_map(|(message, count)| (0..count).map(|index| NotificationId { message: *message, index }));
    if seen.into_iter().eq(all) { Ok(()) } else { Err("a notification is lost".to_owned()) }
}

fn child(dir: &Path) -> ! {
    let clock = Clock::manual(START);
    let code = match Queue::open(dir, settings(), clock.clone()) {
        Err(error) => {
            eprintln!("refused: {error}");
            REFUSED
        }
        Ok(queue) => match examine(&queue, &clock) {
            Ok(()) => FINE,
            Err(why) => {
                eprintln!("wrong: {why}");
                WRONG
            }
        },
    };
    std::process::exit(code)
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Fine,
    Refused,
    Stopped,
}

fn open_damaged(test: &str, dir: &Path, case: &str) -> Answer {
    let output: Output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DIR, dir)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(FINE) => Answer::Fine,
        Some(REFUSED) => {
            assert!(
                words.contains("the queue in ") && (words.contains("backup") || words.contains("newer program")),
                "{case}: {words}"
            );
            Answer::Refused
        }
        None => {
            assert!(words.contains("todoke queue:") && words.contains("The process stops"), "{case}: {words}");
            Answer::Stopped
        }
        other => panic!("{case}: {other:?}: {words}"),
    }
}

type Case = (String, Box<dyn FnOnce(&Path)>, &'static [Answer]);

/// Hurts copies of the queue, one case after the other.
fn each(test: &str, dir: &Path, cases: Vec<Case>) {
    for (case, damage, right) in cases {
        let hurt = dir.join("hurt");
        copy(&dir.join("whole"), &hurt);
        damage(&hurt);
        let answer = open_damaged(test, &hurt, &case);
        assert!(right.contains(&answer), "{case}: {answer:?}");
        if answer == Answer::Refused {
            // Nothing was changed by the refusal: a second look says the same.
            assert_eq!(open_damaged(test, &hurt, &case), Answer::Refused, "{case}, again");
        }
        fs::remove_dir_all(&hurt).unwrap();
    }
}

/// Runs a test's cases in this process with the whole queue at hand, or answers as its child.
fn run(test: &str, cases: impl FnOnce(&Path) -> Vec<Case>) {
    if let Ok(dir) = std::env::var(DIR) {
        child(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    each(test, dir.path(), cases(&dir.path().join("whole")));
}

fn logs(whole: &Path) -> Vec<PathBuf> {
    files(whole, |name| name.ends_with(".log"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_log_that_is_cut_loses_only_what_was_not_synced() {
    run("a_log_that_is_cut_loses_only_what_was_not_synced", |whole| {
        let log = logs(whole).pop().unwrap();
        let len = fs::metadata(&log).unwrap().len();
        let cut = |by: u64, right: &'static [Answer]| -> Case {
            let file = name(&log);
            let hurt = move |dir: &Path| {
                fs::File::options().write(true).open(dir.join(file)).unwrap().set_len(len - by).unwrap();
            };
            (format!("cut by {by} of {len}"), Box::new(hurt), right)
        };
        // 25 settlings of about 400 bytes are unsynced; what is before them is not.
        let mut cases: Vec<_> = (0..40).map(|n| cut(1 + n * 97, &[Answer::Fine])).collect();
        cases.extend([len * 3 / 4, len - 1, len].map(|by| cut(by, &[Answer::Refused])));
        cases
    });
}

#[test]
fn a_tail_of_zeros_or_of_rubbish_is_no_damage() {
    run("a_tail_of_zeros_or_of_rubbish_is_no_damage", |whole| {
        let log = logs(whole).pop().unwrap();
        let tail = |bytes: Vec<u8>| -> Case {
            let file = name(&log);
            let hurt = move |dir: &Path| {
                let mut log = fs::File::options().append(true).open(dir.join(file)).unwrap();
                std::io::Write::write_all(&mut log, &bytes).unwrap();
            };
            ("a tail".to_owned(), Box::new(hurt), &[Answer::Fine])
        };
        vec![tail(vec![0; 10]), tail(vec![0; 40_000]), tail(vec![7; 10]), tail(vec![7; 40_000])]
    });
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    run("a_flipped_bit_is_noticed_wherever_it_is", |whole| {
        let mut chance = Chance::seeded(5);
        let mut cases: Vec<Case> = vec![];
        for path in files(whole, |name| name != "LOG" && !name.starts_with("LOG.")) {
            let len = fs::metadata(&path).unwrap().len();
            let file = name(&path);
            let right: &'static [Answer] = match file.as_str() {
                "FORMAT" | "synced" => &[Answer::Refused],
                _ => &[Answer::Fine, Answer::Refused, Answer::Stopped],
            };
            for _ in 0..if len == 0 { 0 } else { 12 } {
                let (at, bit, file) = (chance.below(len), chance.below(8), file.clone());
                let case = format!("bit {bit} of byte {at} of {len} in {file}");
                let hurt = move |dir: &Path| {
                    let mut bytes = fs::read(dir.join(&file)).unwrap();
                    bytes[usize::try_from(at).unwrap()] ^= 1 << bit;
                    fs::write(dir.join(&file), bytes).unwrap();
                };
                cases.push((case, Box::new(hurt), right));
            }
        }
        cases
    });
}

#[test]
fn a_file_that_is_gone_is_missed() {
    run("a_file_that_is_gone_is_missed", |whole| {
        let needed = files(whole, |name| {
            name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST") || name == "CURRENT"
        });
        let gone = |path: PathBuf| -> Case {
            let file = name(&path);
            let case = format!("{file} is gone");
            (case, Box::new(move |dir: &Path| fs::remove_file(dir.join(file)).unwrap()), &[Answer::Refused])
        };
        needed.into_iter().filter(|path| fs::metadata(path).unwrap().len() > 0).map(gone).collect()
    });
}
