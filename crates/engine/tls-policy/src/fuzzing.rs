//! The readers of MTA-STS as a fuzz target reaches them.

use crate::sts_policy::StsPolicy;
use crate::sts_record::policy_id;

/// Whether a policy that can be read says of itself what can be read again as the same.
pub fn is_steady_policy(bytes: &[u8]) -> bool {
    let Ok(policy) = StsPolicy::parse(bytes) else { return true };
    StsPolicy::parse(policy.lines().join("\r\n").as_bytes()) == Ok(policy)
}

/// The id that these TXT records announce.
pub fn announced_id(texts: &[String]) -> Option<&str> {
    policy_id(texts)
}
