//! How fast the queue accepts, claims and settles, receives mail and records what came back, how much memory it takes, and
//! how soon it goes on after a restart.
//!
//! `cargo run --release -p queue --example accept_rate -- [DIR] [RECIPIENTS]`; one JSON line a figure. The directory is
//! made below DIR (default: the working directory) and removed; do not use a tmpfs, or syncs cost nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use clock::Clock;
use mail_model::{Cause, Class, Lane, MonoUs, Outcome, SiteName, SourceName};
use queue::{AttemptRecord, Begun, Claim, NewMessage, Next, Queue, QueueSettings, Queued, ReceivedMail, Write};

fn lane(carrier: &str) -> Lane {
    let (carrier, pool) = (carrier.parse().unwrap(), "wide".parse().unwrap());
    Lane { carrier, site: SiteName::none(), pool, class: Class::Normal }
}

fn message() -> NewMessage {
    NewMessage {
        campaign: "rate".parse().unwrap(),
        tenant: "school-1".parse().unwrap(),
        class: Class::Normal,
        pool: "wide".parse().unwrap(),
        not_before: None,
        not_after: None,
        at_deadline: queue::AtDeadline::default(),
        sender: None,
        content: vec![b'x'; 4_096],
        idempotency: None,
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// CPU time in ms: of the process with `self`, of the calling thread alone with `thread-self`.
fn cpu_ms(whose: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{whose}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    // The kernel counts in hundredths of a second for every program.
    (ticks(11) + ticks(12)) * 10
}

fn say(what: &str, count: u64, took: Duration, cpu_ms: u64, thread_cpu_ms: u64) {
    let seconds = took.as_secs_f64();
    let rate = f64::from(u32::try_from(count).unwrap()) / seconds;
    println!(
        "{{\"figure\":\"{what}\",\"count\":{count},\"seconds\":{seconds:.3},\"per_second\":{rate:.0},\"cpu_ms\":{cpu_ms},\
         \"calling_thread_cpu_ms\":{thread_cpu_ms},\"rss_mib\":{}}}",
        resident_mib()
    );
}

struct Bench {
    clock: Clock,
    runtime: tokio::runtime::Runtime,
    source: SourceName,
}

impl Bench {
    fn timed(&self, what: &str, count: u64, act: impl FnOnce()) {
        let began: MonoUs = self.clock.mono();
        let (cpu, thread) = (cpu_ms("self"), cpu_ms("thread-self"));
        act();
        let took = self.clock.mono().since(began);
        say(what, count, took, cpu_ms("self") - cpu, cpu_ms("thread-self") - thread);
    }

    fn hand_in(&self, queue: &Queue, recipients: u32) {
        let Begun::New(mut intake) = queue.begin(message()).unwrap() else { return };
        let lanes = ["docomo", "au", "softbank", "gmail"].map(lane);
        for n in 0..recipients {
            let address = format!("guardian.of.pupil.{n:07}@docomo.ne.jp").parse().unwrap();
            intake.add(&lanes[(n % 4) as usize], address, vec![b'p'; 64]).unwrap();
        }
        self.runtime.block_on(intake.commit()).unwrap();
    }

    fn next(&self, queue: &Queue) -> Option<Box<Queued>> {
        self.runtime.block_on(async {
            loop {
                let mut told = std::pin::pin!(queue.activity().notified());
                told.as_mut().enable();
                let mut loading = false;
                for (lane, _) in queue.lanes() {
                    match queue.claim(lane, self.clock.unix(), &self.source) {
                        Claim::Taken(queued) => return Some(queued),
                        Claim::Loading => loading = true,
                        Claim::Later(_) | Claim::Empty => {}
                    }
                }
                if !loading {
                    return None;
                }
                told.await;
            }
        })
    }

    fn send(&self, queue: &Queue, count: u32) {
        for _ in 0..count {
            let Some(queued) = self.next(queue) else { return };
            queue.write(Write::new().mark_in_doubt(&queued));
            let lane = queue.lane(queued.lane).unwrap();
            let record = AttemptRecord::of(&queued, &lane, Outcome::Accepted, self.clock.unix());
            queue.write(Write::new().settle(queued, record, Next::Done));
        }
    }

    /// Marks and settlings of what was claimed before: the writes alone.
    fn writes_alone(&self, queue: &Queue, count: u32) {
        let claimed: Vec<_> = (0..count).map_while(|_| self.next(queue)).collect();
        let lanes = queue.lanes();
        let at = self.clock.unix();
        self.timed("mark and settle alone", claimed.len() as u64, || {
            for queued in claimed {
                queue.write(Write::new().mark_in_doubt(&queued));
                let (_, lane) = &lanes[queued.lane.0 as usize];
                let record = AttemptRecord::of(&queued, lane, Outcome::Accepted, at);
                queue.write(Write::new().settle(queued, record, Next::Done));
            }
        });
    }

    /// Mails of 8 KiB that come in at once, and then each of them with the bounce it is.
    fn come_back(&self, queue: &Queue, mails: u32) {
        let mail = ReceivedMail {
            received_at: self.clock.unix(),
            peer: "192.0.2.1".parse().unwrap(),
            helo: "mx.docomo.ne.jp".to_owned(),
            tls: true,
            sender: None,
            recipients: vec!["b+1@school.example".parse().unwrap()],
            content: vec![b'x'; 8_192].into(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        self.timed("receive 8 KiB, all at once", mails.into(), || {
            runtime.block_on(async {
                let one = |_| {
                    let (queue, mail) = (queue.clone(), mail.clone());
                    tokio::spawn(async move { queue.receive(mail).await.unwrap() })
                };
                let all: Vec<_> = (0..mails).map(one).collect();
                for task in all {
                    task.await.unwrap();
                }
            });
        });
        let mut accepted = queue.outbox(0, mails as usize).into_iter();
        let first = accepted.next().unwrap();
        self.timed("first look at a message's acceptances", 1, || {
            assert_eq!(queue.last_attempt(first.id).unwrap().seq, first.seq);
        });
        self.timed("take a mail out with its late bounce", mails.into(), || {
            let mut page = queue.inbox_next(None, 100);
            while !page.is_empty() {
                for (id, _) in page {
                    let bounced = accepted
                        .next()
                        .map(|record| AttemptRecord { outcome: Outcome::Bounced(Cause::MailboxFull), ..record });
                    let write = Write::new().inbox_done(id);
                    let write = bounced.iter().fold(write, |write, record| write.late(record));
                    queue.write_late(write).unwrap();
                }
                page = queue.inbox_next(None, 100);
            }
        });
        assert_eq!(queue.inbox_waiting(), 0, "the figures above are void");
    }

    fn many_calls(&self, queue: &Queue, threads: u32, each: u32) {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    for n in 0..each {
                        let Begun::New(mut intake) = queue.begin(message()).unwrap() else { return };
                        intake.add(&lane("au"), format!("guardian{n}@au.com").parse().unwrap(), vec![]).unwrap();
                        runtime.block_on(intake.commit()).unwrap();
                    }
                });
            }
        });
    }
}

/// Fills a queue, settles a part, and dies without closing anything.
fn fill_and_die(bench: &Bench, queue: &Queue, recipients: u32) -> ! {
    bench.hand_in(queue, recipients);
    bench.send(queue, recipients / 5);
    std::process::abort()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let below = arguments.next().unwrap_or_else(|| ".".to_owned());
    let recipients: u32 = arguments.next().map_or(1_000_000, |n| n.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bench = Bench { clock: Clock::system(), runtime, source: "s1".parse().unwrap() };
    let open = |dir: &Path| Queue::open(dir, QueueSettings::default(), bench.clock.clone()).unwrap();
    if arguments.next().as_deref() == Some("die") {
        fill_and_die(&bench, &open(Path::new(&below)), recipients);
    }

    let dir = tempfile::tempdir_in(&below).unwrap();
    let queue = open(dir.path());
    bench.timed("accept in one call", recipients.into(), || bench.hand_in(&queue, recipients));
    let sent = recipients / 5;
    bench.timed("claim, mark, settle, one thread", sent.into(), || bench.send(&queue, sent));
    bench.writes_alone(&queue, sent);
    bench.timed("accept 1 recipient, 64 callers", 6_400, || bench.many_calls(&queue, 64, 100));
    bench.come_back(&queue, 10_000.min(sent));
    let left = u64::from(recipients - 2 * sent) + 6_400;
    drop(queue);
    reopened(&bench, "after a clean close", || open(dir.path()), left);

    let killed = tempfile::tempdir_in(&below).unwrap();
    let arguments = [killed.path().to_str().unwrap(), &recipients.to_string(), "die"];
    let died = std::process::Command::new(std::env::current_exe().unwrap()).args(arguments).status().unwrap();
    assert_eq!(died.code(), None, "it was to die by a signal");
    reopened(&bench, "after a sudden death", || open(killed.path()), u64::from(recipients - sent));
}

fn reopened(bench: &Bench, when: &str, open: impl FnOnce() -> Queue, left: u64) {
    let mut queue = None;
    bench.timed(&format!("open to first claim, {when}"), 1, || {
        let opened = open();
        drop(bench.next(&opened).unwrap());
        queue = Some(opened);
    });
    let queue = queue.unwrap();
    bench.timed(&format!("counted, {when}"), 1, || {
        while !queue.shape().counted {
            std::thread::yield_now();
        }
    });
    // A figure counts only if the work was done: what is on disk must be what was handed in and not yet settled.
    assert_eq!(queue.shape().queued, left, "the figures above are void");
    assert_eq!(queue.tally(&"rate".parse().unwrap()).queued(), left, "the figures above are void");
}
