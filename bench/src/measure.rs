//! One run of one engine: what is noted before, meanwhile and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use clock::Clock;
use mail_model::UnixMs;
use serde::Serialize;

use crate::mails::Load;
use crate::procfs::{cpu_of, machine_busy_s, pss_kib_of, status_kib, usage_of};
use crate::report::round;
use crate::sink_process::SinkProcess;

const SAMPLE_EVERY: Duration = Duration::from_millis(200);
const PSS_EVERY_SAMPLES: u32 = 5;
/// When no mail came for so long, those that are missing are lost.
const STALL: Duration = Duration::from_secs(20);

/// The figures of one run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Mails handed in.
    pub mails: u32,
    /// Bytes of a mail as the sink got it.
    pub mail_bytes: u64,
    /// Seconds until every mail was acknowledged.
    pub accept_s: f64,
    /// Mails a second until every mail was acknowledged.
    pub accepted_per_s: f64,
    /// Seconds from the first byte of the injection until the sink had every mail.
    pub end_to_end_s: f64,
    /// Mails a second from the first byte of the injection until the sink had every mail.
    pub mails_per_s: f64,
    /// User and system seconds of all processes of the engine, until its queue was empty.
    pub cpu_s: f64,
    /// The same for 1,000 mails.
    pub cpu_s_per_1000: f64,
    /// Largest sum of resident sets seen, in MiB.
    pub rss_peak_mib: f64,
    /// Largest sum of proportional sets seen, in MiB: what the memory would be for without the engine.
    pub pss_peak_mib: f64,
    /// `VmHWM` of the first process, in MiB.
    pub hwm_mib: f64,
    /// Most processes seen.
    pub processes: u64,
    /// Mails that never came.
    pub lost: u64,
    /// Mails that came more than once.
    pub duplicates: u64,
    /// Mails for nobody.
    pub foreign: u64,
    /// CPU seconds of the sink.
    pub sink_cpu_s: f64,
    /// CPU seconds of the injector.
    pub injector_cpu_s: f64,
    /// CPU seconds of everybody else on the machine, the kernel's own threads included.
    pub elsewhere_cpu_s: f64,
}

#[derive(Default)]
struct Peaks {
    stop: AtomicBool,
    rss_kib: AtomicU64,
    pss_kib: AtomicU64,
    processes: AtomicU64,
}

#[derive(Clone, Copy)]
struct Cpu {
    engine: f64,
    sink: f64,
    injector: f64,
    machine: f64,
}

impl Cpu {
    fn now(engine: u32, sink: u32) -> Self {
        Self {
            engine: usage_of(engine).cpu_s,
            sink: cpu_of(sink),
            injector: cpu_of(std::process::id()),
            machine: machine_busy_s(),
        }
    }
}

/// A run under way.
pub struct Run {
    clock: Clock,
    engine: u32,
    sink: u32,
    before: Cpu,
    began: UnixMs,
    accepted: UnixMs,
    delivered: UnixMs,
    peaks: Arc<Peaks>,
    sampler: Option<JoinHandle<()>>,
}

impl Run {
    /// Begins to measure; the injection must follow at once.
    pub fn begin(engine: u32, sink: u32) -> Self {
        let peaks = Arc::new(Peaks::default());
        let watched = Arc::clone(&peaks);
        let sampler = thread::spawn(move || {
            let mut samples: u32 = 0;
            while !watched.stop.load(Ordering::Relaxed) {
                let usage = usage_of(engine);
                watched.rss_kib.fetch_max(usage.rss_kib, Ordering::Relaxed);
                watched.processes.fetch_max(usage.processes.into(), Ordering::Relaxed);
                // Costs the kernel a walk over all page tables, so not as often.
                if samples.is_multiple_of(PSS_EVERY_SAMPLES) {
                    watched.pss_kib.fetch_max(pss_kib_of(engine), Ordering::Relaxed);
                }
                samples = samples.wrapping_add(1);
                thread::sleep(SAMPLE_EVERY);
            }
        });
        let clock = Clock::system();
        let before = Cpu::now(engine, sink);
        let began = clock.unix();
        Self { clock, engine, sink, before, began, accepted: began, delivered: began, peaks, sampler: Some(sampler) }
    }

    /// Every mail is acknowledged.
    pub fn accepted(&mut self) {
        self.accepted = self.clock.unix();
    }

    /// Waits until the sink holds `copies`.
    ///
    /// # Errors
    /// When the sink is gone.
    pub async fn delivered(&mut self, sink: &mut SinkProcess, copies: u64) -> Result<()> {
        self.delivered = UnixMs(sink.wait(copies, STALL).await?.at_ms);
        Ok(())
    }

    /// Ends the run, after the engine's queue is empty. `load` is everything the sink should hold.
    ///
    /// # Errors
    /// When the sink is gone.
    pub async fn finish(mut self, sink: &mut SinkProcess, load: &Load, mails: u32) -> Result<Figures> {
        let after = Cpu::now(self.engine, self.sink);
        self.end_sampler();
        let checked = sink.check(load).await?;
        let used = |at: fn(&Cpu) -> f64| at(&after) - at(&self.before);
        let (cpu_s, sink_cpu_s, injector_cpu_s) = (used(|c| c.engine), used(|c| c.sink), used(|c| c.injector));
        let count = f64::from(mails);
        let seconds = |until: UnixMs| until.since_ms(self.began) as f64 / 1_000.0;
        let (accept_s, end_to_end_s) = (seconds(self.accepted), seconds(self.delivered));
        let mib = |kib: u64| round(kib as f64 / 1_024.0);
        Ok(Figures {
            mails,
            mail_bytes: checked.mail_bytes,
            accept_s: round(accept_s),
            accepted_per_s: round(count / accept_s.max(0.001)),
            end_to_end_s: round(end_to_end_s),
            mails_per_s: round(count / end_to_end_s.max(0.001)),
            cpu_s: round(cpu_s),
            cpu_s_per_1000: round(cpu_s / count * 1_000.0),
            rss_peak_mib: mib(self.peaks.rss_kib.load(Ordering::Relaxed)),
            pss_peak_mib: mib(self.peaks.pss_kib.load(Ordering::Relaxed)),
            hwm_mib: mib(status_kib(self.engine, "VmHWM:").unwrap_or(0)),
            processes: self.peaks.processes.load(Ordering::Relaxed),
            lost: checked.lost,
            duplicates: checked.duplicates,
            foreign: checked.foreign,
            sink_cpu_s: round(sink_cpu_s),
            injector_cpu_s: round(injector_cpu_s),
            elsewhere_cpu_s: round((used(|c| c.machine) - cpu_s - sink_cpu_s - injector_cpu_s).max(0.0)),
        })
    }

    fn end_sampler(&mut self) {
        self.peaks.stop.store(true, Ordering::Relaxed);
        if let Some(sampler) = self.sampler.take() {
            // It only reads files and cannot panic; were it to, the peaks so far still stand.
            sampler.join().ok();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end_sampler();
    }
}
