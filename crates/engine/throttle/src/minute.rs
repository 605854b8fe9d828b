//! The running minute: what it carried, and whether it is over.

use std::time::Duration;

use mail_model::MonoUs;

const MINUTE: Duration = Duration::from_secs(60);

/// A minute that has been clean so far; trouble begins another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minute {
    from: MonoUs,
    mails: u32,
}

impl Minute {
    /// Begins at `from`, which may lie ahead when a pause must pass first.
    pub(crate) fn starting(from: MonoUs) -> Self {
        Self { from, mails: 0 }
    }

    /// Counts one mail that went through.
    pub(crate) fn carried_one(&mut self) {
        self.mails = self.mails.saturating_add(1);
    }

    /// When it ends.
    pub(crate) fn end(&self) -> MonoUs {
        self.from + MINUTE
    }

    /// When it is over: the mails a minute it carried, and the next one begins. A minute without mail is no evidence
    /// and gives `None`; however long the silence, it counts once.
    pub(crate) fn turn(&mut self, now: MonoUs) -> Option<f64> {
        if now < self.end() {
            return None;
        }
        let minutes = now.since(self.from).as_secs_f64() / MINUTE.as_secs_f64();
        let carried = (self.mails > 0).then(|| f64::from(self.mails) / minutes);
        *self = Self::starting(now);
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_ends_once_and_only_with_mail_it_counts() {
        let second = |s: u64| MonoUs(s * 1_000_000);
        let mut minute = Minute::starting(second(100));
        minute.carried_one();
        assert_eq!(minute.turn(second(159)), None);
        assert_eq!(minute.turn(second(220)), Some(0.5));
        assert_eq!(minute.turn(second(230)), None);
        assert_eq!(minute.turn(second(4_000)), None, "silence is no evidence");
        assert_eq!(minute.end(), second(4_060));
    }
}
