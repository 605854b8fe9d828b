//! What stands on disk, and what others publish for us to keep: read, written, read again.

use queue::fuzzing::unsteady_records;
use tls_policy::fuzzing::{announced_id, is_steady_policy};

/// Records of the queue: twelve bytes of key, then version and fields.
pub fn records(data: &[u8]) {
    let (key, body) = data.split_at(data.len().min(12));
    assert_eq!(unsteady_records(key, body), Vec::<&str>::new());
}

/// A policy of MTA-STS; and its lines as TXT records.
pub fn policies(data: &[u8]) {
    assert!(is_steady_policy(data), "the policy's own lines are another policy");
    let texts: Vec<String> = String::from_utf8_lossy(data).lines().map(str::to_owned).collect();
    if let Some(id) = announced_id(&texts) {
        assert!((1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id:?}");
    }
}
