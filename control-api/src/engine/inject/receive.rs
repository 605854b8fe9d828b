//! Reads the body of an injection: fields into memory, recipients into the spool, everything into the digest.

use std::io;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use crate::engine::inject::cut::{CutFault, CutFaultKind, Cutter, Slice};
use crate::engine::inject::head::Written;
use crate::engine::inject::spool::Spool;
use crate::engine::limits::InjectLimits;
use crate::http::body::BodyReader;
use crate::http::fault::{Fault, Faults};
use crate::http::name::ErrorName;

/// A body, read.
pub struct Received {
    /// Its fields.
    pub written: Written,
    /// Its recipients, unread.
    pub spool: Spool,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// What is already known to be wrong.
    pub faults: Faults,
}

/// Why reading stopped, inside the cutter's sink.
enum Trouble {
    Cut(CutFault),
    Spool,
}

impl From<CutFault> for Trouble {
    fn from(fault: CutFault) -> Self {
        Self::Cut(fault)
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Cut(fault) if fault.kind == CutFaultKind::TooLong => Self::too_large(fault.to_string()),
            Trouble::Cut(fault) => Self::bad_request(fault.to_string()),
            Trouble::Spool => Self::internal(),
        }
    }
}

/// Reads it all. Large lists go to a nameless file in `spool_dir`.
pub async fn receive(mut body: BodyReader, limits: &InjectLimits, spool_dir: &Path) -> Result<Received, Fault> {
    let mut digest = Context::new(&SHA256);
    let mut cutter = Cutter::new("recipients", limits.cut);
    let mut written = Written::default();
    let mut faults = Faults::default();
    let mut spool = Spool::default();
    let mut lists = 0_u32;
    while let Some(piece) = body.next().await? {
        digest.update(&piece);
        cutter.feed::<Trouble>(&piece, &mut |slice| {
            match slice {
                Slice::Field { name, at, text } => written.take(name, at, text, &mut faults),
                Slice::List => lists = lists.saturating_add(1),
                Slice::Element { at, text } => spool.push(at, text).map_err(|_| Trouble::Spool)?,
            }
            Ok(())
        })?;
        if spool.count() > limits.recipients_max {
            let words = format!("recipients_max is {}: split the message into several", limits.recipients_max);
            return Err(Fault::too_large(words).at("recipients"));
        }
        if spool.is_full() {
            spool = spill(spool, spool_dir).await?;
        }
    }
    cutter.end().map_err(Trouble::Cut)?;
    if lists > 1 {
        faults.add("recipients", "the field is given twice");
    } else if spool.count() == 0 && !faults.names("recipients") {
        faults.add("recipients", "required: a list of at least one object like {\"email\": \"taro@example.jp\"}");
    }
    let mut sum = [0; 32];
    sum.copy_from_slice(digest.finish().as_ref());
    Ok(Received { written, spool, digest: sum, faults })
}

/// Writing may wait for the disk, so it happens where waiting harms nobody.
async fn spill(mut spool: Spool, dir: &Path) -> Result<Spool, Fault> {
    let dir = dir.to_owned();
    let written = tokio::task::spawn_blocking(move || spool.spill(&dir).map(|()| spool)).await;
    match written {
        Ok(Ok(spool)) => Ok(spool),
        Ok(Err(error)) => Err(no_room(&error)),
        Err(_) => Err(Fault::internal()),
    }
}

/// The spool could not be written or read.
pub fn no_room(error: &io::Error) -> Fault {
    tracing::error!(error = %error, "the list of an injection cannot be spooled");
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    if !full {
        return Fault::internal();
    }
    let message = "no room on the disk for a list of this size";
    Fault::new(axum::http::StatusCode::INSUFFICIENT_STORAGE, ErrorName::LimitError, message)
}
