//! The file that keeps MTA-STS policies over a restart: without it, every start would open a time in which a policy can
//! be withheld from us.
//!
//! JSON, replaced as a whole: written beside, synced, renamed. `{"version": 1, "policies": [{"domain", "id", "mode",
//! "mx": […], "max_age_s", "fetched_at"}]}`, times in milliseconds since 1970.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mail_model::UnixMs;
use serde::{Deserialize, Serialize};

use crate::demand::MxMatch;
use crate::shelf::Held;
use crate::sts_policy::{Mode, StsPolicy};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    policies: Vec<WrittenPolicy>,
}

#[derive(Serialize, Deserialize)]
struct WrittenPolicy {
    domain: String,
    id: String,
    mode: Mode,
    mx: Vec<String>,
    max_age_s: u64,
    fetched_at: UnixMs,
}

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct PoliciesFile(PathBuf);

impl PoliciesFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What it holds; nothing when it is not there.
    pub(crate) fn read(&self) -> io::Result<Vec<(String, Held)>> {
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let written: Written = serde_json::from_slice(&bytes)?;
        if written.version != VERSION {
            let why = format!("its version is {}, not {VERSION}", written.version);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(written.policies.into_iter().map(WrittenPolicy::held).collect())
    }

    /// Replaces what it holds. Blocks on the disk.
    pub(crate) fn write(&self, policies: &[(Box<str>, Arc<Held>)]) -> io::Result<()> {
        let policies = policies.iter().map(|(domain, held)| WrittenPolicy::of(domain, held)).collect();
        let bytes = serde_json::to_vec(&Written { version: VERSION, policies })?;
        let new = self.0.with_extension("json.new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.0)?;
        // The name, too, must survive a power cut.
        File::open(self.0.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl WrittenPolicy {
    fn of(domain: &str, held: &Held) -> Self {
        Self {
            domain: domain.to_owned(),
            id: held.id.clone(),
            mode: held.policy.mode,
            mx: held.policy.mx.names().map(str::to_owned).collect(),
            max_age_s: held.policy.max_age_s,
            fetched_at: held.fetched_at,
        }
    }

    fn held(self) -> (String, Held) {
        let mx = MxMatch::new(self.mx.iter().map(String::as_str));
        let policy = StsPolicy { mode: self.mode, mx, max_age_s: self.max_age_s };
        (self.domain, Held { id: self.id, policy, fetched_at: self.fetched_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_a_torn_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = PoliciesFile::new(folder.path().join("mta-sts.json"));
        assert!(file.read().unwrap().is_empty());
        let policy = StsPolicy::parse(b"version: STSv1\nmode: testing\nmx: *.a.jp\nmax_age: 86400").unwrap();
        let held = Held { id: "7".to_owned(), policy, fetched_at: UnixMs(1_000) };
        file.write(&[("a.jp".into(), Arc::new(held.clone()))]).unwrap();
        file.write(&[("b.jp".into(), Arc::new(held.clone()))]).unwrap();
        assert_eq!(file.read().unwrap(), [("b.jp".to_owned(), held)]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(&file.0, b"{\"version\":1,\"poli").unwrap();
        assert!(file.read().is_err());
        std::fs::write(&file.0, b"{\"version\":2,\"policies\":[]}").unwrap();
        assert!(file.read().unwrap_err().to_string().contains("version"));
    }
}
