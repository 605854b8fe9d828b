//! The nouns every part of the engine shares.
#![doc = include_str!("../README.md")]

pub mod address;
pub mod cause;
pub mod id;
pub mod lane;
pub mod name;
pub mod outcome;
pub mod reply;
pub mod time;

pub use address::{AddressError, EmailAddress};
pub use cause::{Action, Cause};
pub use id::{IdError, MessageId, NotificationId};
pub use lane::{Class, EgressPath, Lane};
pub use name::{CampaignName, CarrierName, NameError, PoolName, SiteName, SourceName, TenantName};
pub use outcome::{Outcome, Verdict, Withheld};
pub use reply::{EnhancedStatus, Reply, Stage};
pub use time::{MonoUs, UnixMs};
