//! The window alone: what is handed out, in which order, and that nothing slips between memory and disk.

use std::collections::BTreeMap;

use clock::Chance;
use mail_model::{SourceName, UnixMs};

use crate::keys::Spot;
use crate::record::due::DueRecord;
use crate::window::{Entry, HINT_KEPT_MS, ScanPlan, Scanned, Seized, Take, Window};

fn entry(due_ms: u64, index: u32, hint: Option<&str>) -> Entry {
    let record = DueRecord {
        attempts: 0,
        accepted_at: UnixMs(1),
        source_hint: hint.map(|h| h.parse().unwrap()),
        last_cause: None,
        in_doubt: false,
        cancelled: false,
        returned: false,
        address: "a@b.jp".parse().unwrap(),
        payload: vec![],
    };
    Entry { spot: Spot { due_ms, message: 1, index }, record }
}

fn source(name: &str) -> SourceName {
    name.parse().unwrap()
}

fn taken(take: Take) -> Option<Entry> {
    match take {
        Take::Taken(entry) => Some(*entry),
        _ => None,
    }
}

/// A scan as the refill does it, over a map that stands for the disk.
fn scan(disk: &BTreeMap<Spot, Entry>, plan: ScanPlan) -> Scanned {
    let mut scanned = Scanned::default();
    let mut room = plan.room;
    if let Some(from) = plan.timed {
        for (spot, entry) in disk.range(from..) {
            if spot.due_ms > plan.now.0 || room == 0 {
                scanned.timed_next = Some(*spot);
                break;
            }
            scanned.entries.push(entry.clone());
            room -= 1;
        }
    }
    if let Some(from) = plan.fresh {
        for (spot, entry) in disk.range(from..Spot::FIRST_TIMED) {
            if room == 0 {
                scanned.fresh_next = Some(*spot);
                break;
            }
            scanned.entries.push(entry.clone());
            room -= 1;
        }
    }
    scanned
}

#[test]
fn a_hinted_record_goes_to_its_source_first_and_to_any_after_ten_minutes() {
    let disk: BTreeMap<_, _> =
        [entry(1_000, 0, Some("a")), entry(1_000, 1, None)].into_iter().map(|e| (e.spot, e)).collect();
    let mut window = Window::unknown();
    let plan = window.begin_scan(UnixMs(1_000), 16).unwrap();
    window.end_scan(scan(&disk, plan), 16);
    let first = taken(window.take(UnixMs(1_000), &source("b"))).unwrap();
    assert_eq!(first.spot.index, 1, "the unhinted one");
    assert_eq!(window.take(UnixMs(1_000), &source("b")), Take::Later(UnixMs(1_000 + HINT_KEPT_MS)));
    window.put_back(first);
    let first = taken(window.take(UnixMs(1_000), &source("a"))).unwrap();
    assert_eq!(first.spot.index, 0, "its own");
    window.put_back(first);
    let late = UnixMs(1_000 + HINT_KEPT_MS);
    assert_eq!(taken(window.take(late, &source("b"))).unwrap().spot.index, 0, "left over for ten minutes");
    assert_eq!(taken(window.take(late, &source("b"))).unwrap().spot.index, 1);
    assert_eq!(window.take(late, &source("b")), Take::Empty);
    assert_eq!(window.in_flight(), 2);
}

#[test]
fn hinted_records_take_at_most_half_of_a_window() {
    let disk: BTreeMap<_, _> = (0..8).map(|n| entry(5, n, Some("gone"))).map(|e| (e.spot, e)).collect();
    let mut window = Window::unknown();
    let plan = window.begin_scan(UnixMs(5), 8).unwrap();
    window.end_scan(scan(&disk, plan), 8);
    let free = std::iter::from_fn(|| taken(window.take(UnixMs(5), &source("here")))).count();
    assert_eq!(free, 4);
}

#[test]
fn what_is_settled_during_a_scan_does_not_come_back_by_it() {
    let disk: BTreeMap<_, _> = [entry(0, 0, None), entry(0, 1, None)].into_iter().map(|e| (e.spot, e)).collect();
    let mut window = Window::unknown();
    let plan = window.begin_scan(UnixMs(1), 2).unwrap();
    window.end_scan(scan(&disk, plan), 2);
    let one = taken(window.take(UnixMs(1), &source("a"))).unwrap();
    window.let_go(Spot { due_ms: 0, message: 1, index: 1 });
    window.lower(one.spot);
    let plan = window.begin_scan(UnixMs(1), 16).unwrap();
    let seen = scan(&disk, plan);
    window.finish(one.spot);
    window.end_scan(seen, 16);
    let left: Vec<_> =
        std::iter::from_fn(|| taken(window.take(UnixMs(1), &source("a")))).map(|e| e.spot.index).collect();
    assert!(!left.contains(&0), "{left:?}");
}

#[test]
fn what_is_let_go_during_a_scan_is_read_again_and_not_taken_as_the_scan_saw_it() {
    let before = entry(0, 0, None);
    let mut window = Window::default();
    window.offer(before.clone(), 8);
    let claimed = taken(window.take(UnixMs(1), &source("a"))).unwrap();
    window.lower(Spot { index: 1, ..claimed.spot });
    window.lower(claimed.spot);
    let plan = window.begin_scan(UnixMs(1), 8).unwrap();
    let seen = scan(&[(before.spot, before)].into(), plan);
    // Marked or cancelled after the scan read it: what is on disk, or known of it, is no longer what the scan saw.
    window.let_go(claimed.spot);
    window.end_scan(seen, 8);
    assert_eq!(window.take(UnixMs(1), &source("a")), Take::Loading);
    let after = Entry { record: DueRecord { in_doubt: true, ..claimed.record }, spot: claimed.spot };
    let plan = window.begin_scan(UnixMs(1), 8).unwrap();
    window.end_scan(scan(&[(after.spot, after.clone())].into(), plan), 8);
    assert_eq!(taken(window.take(UnixMs(1), &source("a"))), Some(after));
}

#[test]
fn a_seized_record_is_nobody_elses() {
    let mut window = Window::default();
    window.offer(entry(0, 0, None), 8);
    window.offer(entry(0, 1, None), 8);
    let claimed = taken(window.take(UnixMs(1), &source("a"))).unwrap();
    assert_eq!(window.seize(claimed.spot), Seized::InFlight);
    assert_eq!(window.seize(Spot { due_ms: 0, message: 1, index: 1 }), Seized::Waiting);
    assert_eq!(window.seize(Spot { due_ms: 0, message: 1, index: 2 }), Seized::Waiting, "only on disk");
    assert_eq!(window.take(UnixMs(1), &source("a")), Take::Empty);
}

/// Random accepts, claims, settlings, retries and scans that overlap them, against a map: each record is handed out
/// exactly once for each time it was put on disk, and in the end all were.
#[test]
fn every_record_is_handed_out_once_however_scans_and_claims_interleave() {
    for seed in 0..300 {
        let mut chance = Chance::seeded(seed);
        let room = 4 + usize::try_from(chance.below(8)).unwrap();
        let mut disk: BTreeMap<Spot, Entry> = BTreeMap::new();
        let mut window = if chance.one_of(1, 2) { Window::unknown() } else { Window::default() };
        let (mut now, mut next, mut ended) = (1_000, 0, 0);
        let mut claimed: Vec<Entry> = vec![];
        let mut running: Option<Scanned> = None;
        let mut steps = 0;
        while steps < 400 || ended < next {
            steps += 1;
            assert!(steps < 20_000, "seed {seed} does not come to an end: {window:?}");
            match chance.below(8) {
                0 if steps < 400 => {
                    let due = if chance.one_of(1, 3) { now + chance.below(300) + 1 } else { 0 };
                    let new = entry(due, next, [None, Some("a"), Some("b")][usize::try_from(chance.below(3)).unwrap()]);
                    next += 1;
                    disk.insert(new.spot, new.clone());
                    window.offer(new, room);
                }
                1 if running.is_none() => {
                    running = window.begin_scan(UnixMs(now), room).map(|plan| scan(&disk, plan));
                }
                2 => {
                    if let Some(scanned) = running.take() {
                        window.end_scan(scanned, room);
                    }
                }
                3 | 4 => {
                    let name = if chance.one_of(1, 2) { "a" } else { "b" };
                    match window.take(UnixMs(now), &source(name)) {
                        Take::Taken(entry) => {
                            assert!(disk.contains_key(&entry.spot), "seed {seed}: handed out after its end");
                            assert!(claimed.iter().all(|c| c.spot != entry.spot), "seed {seed}: handed out twice");
                            claimed.push(*entry);
                        }
                        Take::Empty => {
                            assert_eq!(disk.len(), claimed.len(), "seed {seed}: said empty with work on disk");
                        }
                        Take::Later(_) | Take::Loading => {}
                    }
                }
                5 if !claimed.is_empty() => {
                    let at = usize::try_from(chance.below(claimed.len() as u64)).unwrap();
                    let done = claimed.swap_remove(at);
                    disk.remove(&done.spot);
                    if chance.one_of(1, 3) {
                        let again = Entry { spot: Spot { due_ms: now + 50, ..done.spot }, ..done.clone() };
                        disk.insert(again.spot, again.clone());
                        window.finish(done.spot);
                        window.lower(again.spot);
                    } else {
                        window.finish(done.spot);
                        ended += 1;
                    }
                }
                6 if !claimed.is_empty() => {
                    let back = claimed.swap_remove(0);
                    if chance.one_of(1, 2) { window.put_back(back) } else { window.let_go(back.spot) }
                }
                _ => now += chance.below(100),
            }
            if steps > 400 {
                now += HINT_KEPT_MS;
            }
        }
        assert!(disk.is_empty() && window.is_empty() && window.in_flight() == 0, "seed {seed}");
    }
}
