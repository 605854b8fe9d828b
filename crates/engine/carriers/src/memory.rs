//! Answers remembered: bounded in age and number, asked for by one caller at a time, served stale while DNS is down.

use std::future::Future;
use std::time::Duration;

use clock::Clock;
use dns::{Halves, Turns};
use engine_config::DnsConfig;
use mail_model::MonoUs;
use parking_lot::Mutex;

use crate::answer::{Answer, Found};

/// One remembered answer.
#[derive(Clone, Debug)]
struct Entry {
    answer: Answer,
    fresh_until: MonoUs,
    /// The last hosts known, and until when they serve while questions fail.
    good: Option<(Answer, MonoUs)>,
}

/// Bounds on the age of answers.
#[derive(Clone, Copy, Debug)]
struct Ages {
    positive: (u64, u64),
    negative: (u64, u64),
    failure: Duration,
    stale: Duration,
}

impl Ages {
    fn of(&self, found: &Found) -> Duration {
        let (min, max) = match found.answer {
            Answer::Failed => return self.failure,
            // A null MX is a record with a time to live, not the absence of one.
            Answer::Hosts(_) | Answer::NullMx => self.positive,
            Answer::NoDomain | Answer::NoMx | Answer::Refused => self.negative,
        };
        Duration::from_secs(found.ttl_s.map_or(min, u64::from).max(min).min(max))
    }
}

pub(crate) struct Memory {
    halves: Mutex<Halves<Entry>>,
    turns: Turns,
    ages: Ages,
    clock: Clock,
}

impl Memory {
    pub fn new(config: &DnsConfig, clock: Clock) -> Self {
        let ages = Ages {
            positive: (config.positive_ttl_min_s, config.positive_ttl_max_s),
            negative: (config.negative_ttl_min_s, config.negative_ttl_max_s),
            failure: Duration::from_secs(config.failure_ttl_s),
            stale: Duration::from_secs(config.stale_max_s),
        };
        let halves = Halves::new(usize::try_from(config.cache_domains_max).unwrap_or(usize::MAX));
        Self { halves: Mutex::new(halves), turns: Turns::default(), ages, clock }
    }

    /// The remembered answer, or that of `ask`. However many call at once for a key, one asks and the others wait for
    /// its answer; if the one is dropped, the next asks.
    pub async fn answer<F: Future<Output = Found>>(&self, key: &str, ask: impl FnOnce() -> F) -> Answer {
        if let Some(answer) = self.fresh(key) {
            return answer;
        }
        let turn = self.turns.at(key);
        let _held = turn.taken().await;
        if let Some(answer) = self.fresh(key) {
            return answer;
        }
        let found = ask().await;
        self.keep(key, found)
    }

    fn fresh(&self, key: &str) -> Option<Answer> {
        let now = self.clock.mono();
        let mut halves = self.halves.lock();
        let entry = halves.get(key)?;
        (entry.fresh_until > now).then(|| entry.answer.clone())
    }

    /// Remembers an answer and gives the one to be used: after a failure, the last good one while it serves.
    fn keep(&self, key: &str, found: Found) -> Answer {
        let now = self.clock.mono();
        let fresh_until = now + self.ages.of(&found);
        let mut halves = self.halves.lock();
        let entry = match found.answer {
            Answer::Hosts(_) => {
                let good = Some((found.answer.clone(), fresh_until + self.ages.stale));
                Entry { answer: found.answer, fresh_until, good }
            }
            Answer::Failed => {
                let good = halves.get(key).and_then(|entry| entry.good.clone()).filter(|(_, until)| *until > now);
                let answer = good.as_ref().map_or(Answer::Failed, |(answer, _)| answer.clone());
                Entry { answer, fresh_until, good }
            }
            // A server that says "no" knows: the hosts of before are wrong, not stale.
            no => Entry { answer: no, fresh_until, good: None },
        };
        let answer = entry.answer.clone();
        halves.put(key, entry);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_config::EngineConfig;
    use mail_model::UnixMs;

    fn memory(dns: &str) -> (Memory, Clock) {
        let text = format!("[engine]\nnode_name = \"a.example.jp\"\n[dns]\n{dns}");
        let config = EngineConfig::from_toml(&text, "test.toml").unwrap();
        let clock = Clock::manual(UnixMs(0));
        (Memory::new(&config.dns, clock.clone()), clock)
    }

    async fn told(memory: &Memory, key: &str, answer: Answer, ttl_s: u32) -> Answer {
        memory.answer(key, || async move { Found { answer, ttl_s: Some(ttl_s) } }).await
    }

    fn hosts() -> Answer {
        Answer::Hosts(Vec::new().into())
    }

    #[tokio::test]
    async fn an_answer_lives_as_long_as_it_says_within_the_bounds() {
        let bounds =
            "positive_ttl_min_s = 60\npositive_ttl_max_s = 600\nnegative_ttl_min_s = 30\nnegative_ttl_max_s = 300\n";
        let table = [
            (hosts(), 120, 120),
            (hosts(), 0, 60),
            (hosts(), 90_000, 600),
            (Answer::NoDomain, 0, 30),
            (Answer::NoMx, 90_000, 300),
            (Answer::NullMx, 90_000, 600),
            (Answer::Failed, 90_000, 10),
        ];
        for (answer, ttl_s, lives_s) in table {
            let (memory, clock) = memory(bounds);
            told(&memory, "a.jp", answer.clone(), ttl_s).await;
            clock.advance(Duration::from_secs(lives_s - 1));
            assert_eq!(memory.fresh("a.jp"), Some(answer.clone()), "{answer:?} {ttl_s}");
            clock.advance(Duration::from_secs(1));
            assert_eq!(memory.fresh("a.jp"), None, "{answer:?} {ttl_s}");
        }
    }

    #[tokio::test]
    async fn the_last_good_answer_serves_a_day_while_questions_fail() {
        let (memory, clock) = memory("");
        told(&memory, "docomo.ne.jp", hosts(), 60).await;
        for _ in 0..24 {
            clock.advance(Duration::from_secs(3_600));
            assert_eq!(told(&memory, "docomo.ne.jp", Answer::Failed, 0).await, hosts());
        }
        clock.advance(Duration::from_secs(60));
        assert_eq!(told(&memory, "docomo.ne.jp", Answer::Failed, 0).await, Answer::Failed);
    }

    #[tokio::test]
    async fn a_server_that_says_no_ends_the_stale_answer() {
        let (memory, clock) = memory("");
        told(&memory, "a.jp", hosts(), 60).await;
        clock.advance(Duration::from_secs(61));
        assert_eq!(told(&memory, "a.jp", Answer::NoDomain, 60).await, Answer::NoDomain);
        clock.advance(Duration::from_secs(61));
        assert_eq!(told(&memory, "a.jp", Answer::Failed, 0).await, Answer::Failed);
    }

    #[tokio::test]
    async fn a_flood_of_domains_is_forgotten_and_a_domain_in_use_is_not() {
        let (memory, _clock) = memory("cache_domains_max = 100\n");
        told(&memory, "docomo.ne.jp", hosts(), 600).await;
        for n in 0..10_000 {
            told(&memory, &format!("invented-{n}.jp"), Answer::NoDomain, 600).await;
            assert_eq!(memory.fresh("docomo.ne.jp"), Some(hosts()));
            assert!(memory.halves.lock().len() <= 100, "{n}");
        }
        assert!(memory.turns.is_empty());
    }
}
