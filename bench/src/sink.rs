//! The sink: six flawless, unlimited carriers in a process of their own, so that their CPU time is nobody's.
//!
//! It reads commands, one a line, and answers each with one line of JSON. It ends with its standard input.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mail_model::{CarrierName, UnixMs};
use serde::{Deserialize, Serialize};
use testkit::{CarrierPlan, World, WorldPlan, recipient_hash};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::sleep;

use crate::mails::{CARRIERS, Load};

const LOOK: Duration = Duration::from_millis(2);

/// First line of the sink.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Started {
    /// The port of all six addresses.
    pub port: u16,
}

/// Answer to `wait <copies> <stall_ms>`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Waited {
    /// Copies held now.
    pub copies: u64,
    /// When the copy waited for was taken; that of the last one when they did not come.
    pub at_ms: u64,
}

/// Answer to `check <first> <count> <carriers_from> <carriers>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checked {
    /// Copies held.
    pub copies: u64,
    /// Recipients of the load without a copy.
    pub lost: u64,
    /// Copies beyond the first of a recipient.
    pub duplicates: u64,
    /// Copies for nobody in the load.
    pub foreign: u64,
    /// Bytes of the last mail as it came in.
    pub mail_bytes: u64,
    /// When the first copy was taken.
    pub first_ms: u64,
}

/// The six carriers.
fn plan(port: Option<u16>) -> Result<WorldPlan> {
    let mut carriers = Vec::with_capacity(CARRIERS.len());
    for (name, domain) in CARRIERS {
        let mut carrier = CarrierPlan::for_tests(name, domain);
        carrier.name = CarrierName::new(name).context("a name of the list")?;
        carrier.mx_host = format!("mx.{domain}");
        carriers.push(carrier);
    }
    // The last mail is kept to know its size.
    Ok(WorldPlan { port, keep_mails: 1, ..WorldPlan::of(carriers).flawless().unlimited() })
}

/// Runs until the standard input ends.
///
/// # Errors
/// When the port is taken, or a command is none.
pub async fn run(port: Option<u16>) -> Result<()> {
    let world = World::start(plan(port)?).await?;
    say(&Started { port: world.port() }).await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |place: usize| -> Result<u64> {
            words.get(place).and_then(|word| word.parse().ok()).context("a number is missing")
        };
        match words.first().copied() {
            Some("wait") => say(&wait(&world, number(1)?, number(2)?).await).await?,
            Some("check") => say(&check(&world, &load(number(1)?, number(2)?, number(3)?, number(4)?)?)?).await?,
            other => bail!("the sink knows wait and check, not {other:?}"),
        }
    }
    Ok(())
}

fn load(first: u64, count: u64, carriers_from: u64, carriers: u64) -> Result<Load> {
    let load = Load::of(u32::try_from(count)?, 0);
    let (carriers_from, carriers) = (usize::try_from(carriers_from)?, usize::try_from(carriers)?);
    Ok(Load { first: u32::try_from(first)?, carriers_from, carriers, ..load })
}

async fn say(answer: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut out = tokio::io::stdout();
    out.write_all(&line).await?;
    Ok(out.flush().await?)
}

/// Waits for `copies`, or until none came for `stall_ms`.
async fn wait(world: &World, copies: u64, stall_ms: u64) -> Waited {
    let mut held = 0;
    let mut quiet = Duration::ZERO;
    while held < copies && quiet < Duration::from_millis(stall_ms) {
        sleep(LOOK).await;
        let now = world.journal().len() as u64;
        quiet = if now == held { quiet + LOOK } else { Duration::ZERO };
        held = now;
    }
    let snapshot = world.snapshot();
    let place = usize::try_from(copies).unwrap_or(usize::MAX).min(snapshot.entries.len());
    let at = place.checked_sub(1).and_then(|place| snapshot.entries.get(place)).map_or(UnixMs(0), testkit::Entry::at);
    Waited { copies: snapshot.entries.len() as u64, at_ms: at.0 }
}

fn check(world: &World, load: &Load) -> Result<Checked> {
    let snapshot = world.snapshot();
    let mut expected: HashMap<u64, u32> = HashMap::with_capacity(load.count as usize);
    for number in load.numbers() {
        expected.insert(recipient_hash(&load.address(number)?), 0);
    }
    let (mut duplicates, mut foreign) = (0, 0);
    for entry in &snapshot.entries {
        match expected.get_mut(&entry.recipient()) {
            None => foreign += 1,
            Some(copies) => {
                duplicates += u64::from(*copies > 0);
                *copies += 1;
            }
        }
    }
    Ok(Checked {
        copies: snapshot.entries.len() as u64,
        lost: expected.values().filter(|copies| **copies == 0).count() as u64,
        duplicates,
        foreign,
        mail_bytes: world.mails().first().map_or(0, |mail| mail.content.len() as u64),
        first_ms: snapshot.entries.first().map_or(0, |entry| entry.at().0),
    })
}
