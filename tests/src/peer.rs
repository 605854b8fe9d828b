//! A mail server of other makers on loopback: it keeps mailboxes, passes mail on, and returns what it cannot deliver.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::enclosure::{Enclosure, shared_folder};
use crate::peer_plan::{Kind, PeerPlan};
use crate::{exim, opensmtpd, postfix, sendmail};

const START_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// A running mail server. Dropping it ends it with all that it did.
#[derive(Debug)]
pub struct Peer {
    enclosure: Enclosure,
    address: SocketAddr,
}

impl Peer {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// When it is not installed or does not start; then what it said is part of the error.
    pub async fn start(kind: Kind, plan: &PeerPlan) -> Result<Self> {
        let folder = shared_folder()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let layout = match kind {
            Kind::Postfix => postfix::layout(plan, address, folder.path())?,
            Kind::OpenSmtpd => opensmtpd::layout(plan, address, folder.path())?,
            Kind::Exim => exim::layout(plan, address, folder.path())?,
            Kind::Sendmail => sendmail::layout(plan, address, folder.path())?,
        };
        let mut peer = Self { enclosure: Enclosure::start(folder, &layout)?, address };
        let listens = timeout(START_WITHIN, peer.until_listening()).await;
        ensure!(matches!(listens, Ok(Ok(true))), "{kind:?} does not start:\n{}", peer.log());
        Ok(peer)
    }

    async fn until_listening(&mut self) -> Result<bool> {
        while TcpStream::connect(self.address).await.is_err() {
            if self.enclosure.has_ended()? {
                return Ok(false);
            }
            sleep(LOOK).await;
        }
        Ok(true)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it printed and logged.
    pub fn log(&self) -> String {
        self.enclosure.said()
    }

    /// The mails in the mailbox of an address, in no order.
    ///
    /// # Errors
    /// When a mail cannot be read.
    pub fn mails(&self, address: &str) -> Result<Vec<Vec<u8>>> {
        // The first mail makes the folder.
        let Ok(entries) = std::fs::read_dir(self.enclosure.at(&format!("mail/{address}/new"))) else {
            return Ok(Vec::new());
        };
        entries.map(|entry| Ok(std::fs::read(entry?.path())?)).collect()
    }

    /// Every mailbox that holds a mail, with its mails.
    ///
    /// # Errors
    /// As [`Self::mails`].
    pub fn mailboxes(&self) -> Result<BTreeMap<String, Vec<Vec<u8>>>> {
        let mut mailboxes = BTreeMap::new();
        for entry in std::fs::read_dir(self.enclosure.at("mail"))? {
            let address = entry?.file_name().to_string_lossy().into_owned();
            let mails = self.mails(&address)?;
            if !mails.is_empty() {
                mailboxes.insert(address, mails);
            }
        }
        Ok(mailboxes)
    }

    /// Waits until the mailboxes together hold `count` mails.
    ///
    /// # Errors
    /// When they do not within `patience`.
    pub async fn until_mails(&self, count: usize, patience: Duration) -> Result<()> {
        let look = async {
            while self.mailboxes()?.values().map(Vec::len).sum::<usize>() < count {
                sleep(LOOK).await;
            }
            anyhow::Ok(())
        };
        let came = timeout(patience, look).await;
        ensure!(matches!(came, Ok(Ok(()))), "fewer than {count} mails came:\n{}", self.log());
        Ok(())
    }
}
