//! Bans: who is shut out, since when, and what brings it on.

use std::collections::VecDeque;

use mail_model::Stage;

use super::meter::{Keys, Owners, dimension};
use crate::SECOND;
use crate::behaviour::{Ban, Per, Rebuff, UnknownBlock};

#[derive(Clone, Debug)]
struct Shut {
    until_us: u64,
    knock_us: u64,
    says: Rebuff,
}

#[derive(Clone, Debug, Default)]
struct Door {
    shut: Option<Shut>,
    bans: u64,
    excesses: VecDeque<u64>,
    recipients: VecDeque<(u64, bool)>,
    unknown: u32,
}

/// One door for each source, each netblock and all.
#[derive(Clone, Debug)]
pub(super) struct Doors([Vec<Door>; 3]);

impl Doors {
    pub fn new(owners: &Owners) -> Self {
        Self([Per::Source, Per::Netblock, Per::Carrier].map(|per| vec![Door::default(); owners.count(per)]))
    }

    pub fn bans(&self, per: Per, key: usize) -> u64 {
        self.0[dimension(per)][key].bans
    }

    pub fn is_shut(&self, now_us: u64, keys: &Keys) -> bool {
        keys.iter()
            .any(|(per, key)| self.0[dimension(*per)][*key].shut.as_ref().is_some_and(|shut| now_us < shut.until_us))
    }

    /// What is said to who knocks while shut out, if it is said at a wanted step.
    pub fn knock(&mut self, now_us: u64, keys: &Keys, wanted: fn(Stage) -> bool) -> Option<Rebuff> {
        for (per, key) in keys {
            let door = &mut self.0[dimension(*per)][*key];
            match &mut door.shut {
                Some(shut) if now_us >= shut.until_us => door.shut = None,
                Some(shut) if wanted(shut.says.at) => {
                    shut.until_us = shut.until_us.max(now_us + shut.knock_us);
                    return Some(shut.says.clone());
                }
                _ => {}
            }
        }
        None
    }

    /// Notes an excess; says whether a ban begins with it.
    pub fn excess(&mut self, now_us: u64, ban: &Ban, keys: &Keys) -> bool {
        let door = self.door(ban.per, keys);
        door.excesses.push_back(now_us);
        while door.excesses.front().is_some_and(|at| at + ban.in_s * SECOND <= now_us) {
            door.excesses.pop_front();
        }
        let enough = door.excesses.len() >= ban.after as usize;
        enough && door.close(now_us, ban.for_s, ban.knock_s, &ban.says)
    }

    /// Notes a recipient; says whether a ban begins with it.
    pub fn recipient(&mut self, now_us: u64, block: &UnknownBlock, keys: &Keys, unknown: bool) -> bool {
        let door = self.door(block.per, keys);
        door.recipients.push_back((now_us, unknown));
        door.unknown += u32::from(unknown);
        let too_old = |(at, _): &(u64, bool)| at + block.in_s * SECOND <= now_us;
        while door.recipients.len() > block.of_last as usize || door.recipients.front().is_some_and(too_old) {
            let gone = door.recipients.pop_front();
            door.unknown -= u32::from(gone.is_some_and(|(_, unknown)| unknown));
        }
        let enough = f64::from(door.unknown) > block.share * f64::from(block.of_last) + 1e-9;
        enough && door.close(now_us, block.for_s, block.knock_s, &block.says)
    }

    fn door(&mut self, per: Per, keys: &Keys) -> &mut Door {
        &mut self.0[dimension(per)][keys[dimension(per)].1]
    }
}

impl Door {
    /// Shuts it and begins to count anew. A door that is shut already is not shut twice.
    fn close(&mut self, now_us: u64, for_s: u64, knock_s: u64, says: &Rebuff) -> bool {
        self.excesses.clear();
        self.recipients.clear();
        self.unknown = 0;
        if self.shut.as_ref().is_some_and(|shut| now_us < shut.until_us) {
            return false;
        }
        self.bans += 1;
        self.shut = Some(Shut { until_us: now_us + for_s * SECOND, knock_us: knock_s * SECOND, says: says.clone() });
        true
    }
}
