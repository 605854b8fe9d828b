//! DNS as this crate asks it; tests answer from a zone file.

use std::future::Future;
use std::net::IpAddr;

use dns::{Dns, Records};
use engine_config::IpVersion;

/// What DNS says of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// At least one record.
    Found(Vec<T>),
    /// The name exists without such records.
    Nothing,
    /// The name does not exist.
    NoName,
    /// No answer, or one that says nothing.
    Failed,
}

impl<T> Answer<T> {
    /// The records; none when there are none, whatever the reason.
    pub(crate) fn records(self) -> Vec<T> {
        match self {
            Self::Found(records) => records,
            Self::Nothing | Self::NoName | Self::Failed => Vec::new(),
        }
    }
}

/// A mail host of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailHost {
    /// Lower goes first.
    pub preference: u16,
    /// Its name in lower case; empty for the null MX.
    pub host: String,
}

/// Questions to DNS. Names are ASCII and without the final dot, in both directions.
pub trait Names: Sync {
    /// Mail hosts of a domain.
    fn mx(&self, domain: &str) -> impl Future<Output = Answer<MailHost>> + Send;
    /// Addresses of a host, of both kinds.
    fn addresses(&self, host: &str) -> impl Future<Output = Answer<IpAddr>> + Send;
    /// Texts of a name, the strings of one record joined.
    fn txt(&self, name: &str) -> impl Future<Output = Answer<String>> + Send;
    /// Names of an address.
    fn ptr(&self, address: IpAddr) -> impl Future<Output = Answer<String>> + Send;
}

impl Names for Dns {
    async fn mx(&self, domain: &str) -> Answer<MailHost> {
        answer(Dns::mx(self, domain).await, |mx| MailHost { preference: mx.preference, host: plain(&mx.host) })
    }

    async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        answer(Dns::addresses(self, host, IpVersion::V4V6).await, |address| address)
    }

    async fn txt(&self, name: &str) -> Answer<String> {
        answer(Dns::txt(self, name).await, |text| text)
    }

    async fn ptr(&self, address: IpAddr) -> Answer<String> {
        answer(Dns::ptr(self, address).await, |name| plain(&name))
    }
}

fn answer<T, U>(records: Records<T>, convert: impl Fn(T) -> U) -> Answer<U> {
    match records {
        Records::Found { records, .. } => Answer::Found(records.into_iter().map(convert).collect()),
        Records::NoData { .. } => Answer::Nothing,
        Records::NoName { .. } => Answer::NoName,
        Records::Failed => Answer::Failed,
    }
}

/// A name in lower case without the final dot.
pub(crate) fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
