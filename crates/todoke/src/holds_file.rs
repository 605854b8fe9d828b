//! Suspensions kept over a restart, in one small file beside the queue.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use control_api::{SuspendScope, Suspension};
use mail_model::UnixMs;
use serde::{Deserialize, Serialize};

/// One suspension as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptHold {
    pub(crate) scope: SuspendScope,
    pub(crate) reason: String,
    pub(crate) until: UnixMs,
}

/// `holds.json` in the data directory.
pub(crate) struct HoldsFile(PathBuf);

impl HoldsFile {
    pub(crate) fn in_dir(data_dir: &Path) -> Self {
        Self(data_dir.join("holds.json"))
    }

    /// What was kept; nothing when there is no file yet.
    pub(crate) fn load(&self) -> io::Result<Vec<KeptHold>> {
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Replaces what is kept, at once and durably: a crash leaves the old file or the new one.
    pub(crate) fn save(&self, holds: &[Suspension]) -> io::Result<()> {
        let kept: Vec<_> = holds
            .iter()
            .map(|h| KeptHold { scope: h.scope.clone(), reason: h.reason.clone(), until: h.until })
            .collect();
        let new = self.0.with_extension("json.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(&kept)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.0)?;
        self.0.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_api::SuspensionId;
    use mail_model::CarrierName;

    #[test]
    fn a_suspension_is_there_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = HoldsFile::in_dir(dir.path());
        assert!(file.load().unwrap().is_empty());
        let carrier = Some(CarrierName::new("docomo").unwrap());
        let scope = SuspendScope { carrier, ..SuspendScope::default() };
        let hold =
            Suspension { id: SuspensionId(7), scope: scope.clone(), reason: "asked to wait".into(), until: UnixMs(9) };
        file.save(&[hold]).unwrap();
        let kept = HoldsFile::in_dir(dir.path()).load().unwrap();
        assert_eq!(kept, [KeptHold { scope, reason: "asked to wait".into(), until: UnixMs(9) }]);
        fs::write(dir.path().join("holds.json"), b"{").unwrap();
        assert!(file.load().is_err(), "a damaged file is not taken for an empty one");
    }
}
