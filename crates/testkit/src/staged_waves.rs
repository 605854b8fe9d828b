//! The mails of a scenario as calls to an engine: one call a wave, for recipients whose local parts say their fate.

use jiff::Timestamp;
use mail_model::{EmailAddress, UnixMs};
use scenario::Scenario;
use serde_json::Value;

use crate::behaviour::Fate;
use crate::engine_client::notice;
use crate::error::KitError;
use crate::population::Guardian;

/// One call, and whom it is for.
#[derive(Clone, Debug)]
pub struct WaveCall {
    /// For `POST /engine/api/inject/v1`.
    pub call: Value,
    /// In the order of the call's recipients.
    pub guardians: Vec<Guardian>,
}

/// Every wave of a scenario that begins at `begun`. All calls may be made at once: a later wave has a `not_before`, a
/// deadline is a `not_after`. The same seed gives the same unknown recipients as in the simulator.
///
/// # Errors
/// When a domain makes no address.
pub fn wave_calls(scenario: &Scenario, seed: u64, campaign: &str, begun: UnixMs) -> Result<Vec<WaveCall>, KitError> {
    (0..scenario.waves.len()).map(|wave| wave_call(scenario, seed, campaign, begun, wave)).collect()
}

fn wave_call(
    scenario: &Scenario,
    seed: u64,
    campaign: &str,
    begun: UnixMs,
    number: usize,
) -> Result<WaveCall, KitError> {
    let (wave, guardians) = (&scenario.waves[number], guardians(scenario, seed, number)?);
    let mut call = notice(campaign, &guardians);
    call["class"] = wave.class.as_str().into();
    if wave.at_s > 0 {
        call["not_before"] = moment(begun, wave.at_s)?.into();
    }
    if let Some(not_after_s) = wave.not_after_s {
        call["not_after"] = moment(begun, wave.at_s + not_after_s)?.into();
    }
    Ok(WaveCall { call, guardians })
}

fn guardians(scenario: &Scenario, seed: u64, wave: usize) -> Result<Vec<Guardian>, KitError> {
    let domain = &scenario.carriers[scenario.waves[wave].carrier].domain;
    let guardian = |number: u64| {
        let fate = if scenario.is_unknown(wave, number, seed) { Fate::Unknown } else { Fate::Accept };
        let address = format!("{}.w{}-{number}@{domain}", fate.prefix(), wave + 1);
        let email: Result<EmailAddress, _> = address.parse();
        let email = email.map_err(|why| KitError::Scenario(format!("the domain {domain}: {why}")))?;
        Ok(Guardian { email, name: "山田 花子".to_owned(), school: "さくら小学校", grade: 3 })
    };
    (0..scenario.waves[wave].mails).map(guardian).collect()
}

/// So many seconds after a moment, in RFC 3339.
fn moment(from: UnixMs, after_s: u64) -> Result<String, KitError> {
    let ms = i64::try_from(from.0.saturating_add(after_s.saturating_mul(1_000))).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(ms).map_err(|why| KitError::Scenario(why.to_string()))?;
    Ok(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        title = "x"
        about = "x"
        sources = [{ name = "a", count = 1 }]
        [[waves]]
        carrier = "docomo"
        mails = 40
        unknown_share = 0.5
        [[waves]]
        carrier = "docomo"
        at_s = 60
        mails = 2
        class = "emergency"
        not_after_s = 30
        [[carriers]]
        name = "docomo"
        [[carriers.periods]]"#;

    #[test]
    fn a_wave_is_a_call_with_its_class_its_times_and_the_simulators_people() {
        let scenario = Scenario::parse("x.toml", TEXT).unwrap();
        let waves = wave_calls(&scenario, 3, "notice", UnixMs(1_000_000)).unwrap();
        let [first, second] = &waves[..] else { panic!("two waves were written") };
        assert_eq!((&first.call["class"], &first.call["not_before"]), (&"normal".into(), &Value::Null));
        let times = ["class", "not_before", "not_after"].map(|key| second.call[key].as_str().unwrap());
        assert_eq!(times, ["emergency", "1970-01-01T00:17:40Z", "1970-01-01T00:18:10Z"]);
        assert_eq!(first.call["recipients"].as_array().unwrap().len(), 40);
        for (number, guardian) in (0..).zip(&first.guardians) {
            let is_unknown = guardian.email.as_str().starts_with("unknown.");
            assert_eq!(is_unknown, scenario.is_unknown(0, number, 3), "{}", guardian.email);
        }
        assert_eq!(second.guardians[1].email.as_str(), "accept.w2-1@docomo.ne.jp");
    }
}
