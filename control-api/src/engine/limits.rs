//! Bounds of what this face takes, and what stands in for what was left out.

use std::time::Duration;

use mail_model::{CampaignName, PoolName, TenantName};

use crate::http::body::BodyLimits;

/// Bounds of what is held of one body.
#[derive(Clone, Copy, Debug)]
pub struct CutLimits {
    /// Longest value of a field, and all fields together, in bytes.
    pub fields_bytes_max: usize,
    /// Longest element of the list, in bytes.
    pub element_bytes_max: usize,
    /// Deepest nesting, the outer object counted. At most 64.
    pub depth_max: u32,
}

/// Bounds of one injection and of all at a time.
#[derive(Clone, Copy, Debug)]
pub struct InjectLimits {
    /// Largest body (a million recipients with two substitutions each are about 150 MB), and until when it must be here.
    pub body: BodyLimits,
    /// Recipients of one call.
    pub recipients_max: u64,
    /// Bounds of the parts of the body.
    pub cut: CutLimits,
    /// Calls at a time; further ones wait, then get 503. Each holds up to about 2 MiB and its content.
    pub calls_max: usize,
}

impl Default for InjectLimits {
    fn default() -> Self {
        Self {
            body: BodyLimits { bytes_max: 256 << 20, within: Duration::from_secs(300) },
            recipients_max: 1_000_000,
            // The content may hold 20 MiB of files, a third more as Base64.
            cut: CutLimits { fields_bytes_max: 32 << 20, element_bytes_max: 64 << 10, depth_max: 32 },
            calls_max: 128,
        }
    }
}

/// What stands in for a field that was left out.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Campaign of calls that name none.
    pub campaign: CampaignName,
    /// Tenant of calls that name none.
    pub tenant: TenantName,
    /// Pool of calls that name none.
    pub pool: PoolName,
    /// How long before its deadline those who wait for a message are listed as foreseen to be late, seconds, where the
    /// call does not say; a third of the time it has when that is shorter.
    pub deadline_warn_s: u64,
}
