//! What the listener asks for: who may come in, and where a mail is kept.

use std::sync::Arc;

use clock::Clock;
use mail_model::EmailAddress;
use queue::{Queue, ReceivedMail, Refusal};
use smtp_server::{Accepted, Answer, Doorkeeper, Store, Stored};

use crate::addresses::Addresses;

/// One line for every address that is not ours, whatever is wrong with it: a guess must teach nothing.
const NOBODY: &str = "550 5.1.1 No such address here";

/// Admits our addresses and nobody else's.
#[derive(Clone, Debug)]
pub struct Doors {
    addresses: Arc<Addresses>,
    clock: Clock,
}

impl Doors {
    /// The doors to these addresses.
    pub fn new(addresses: Arc<Addresses>, clock: Clock) -> Self {
        Self { addresses, clock }
    }
}

impl Doorkeeper for Doors {
    fn recipient(&self, address: &EmailAddress, _sender: Option<&EmailAddress>) -> Answer {
        match self.addresses.whose(address, self.clock.unix()) {
            Some(_) => Answer::Admit,
            None => Answer::refuse(NOBODY),
        }
    }
}

/// Keeps mails in the queue's inbox.
#[derive(Clone, Debug)]
pub struct InboxStore(Queue);

impl InboxStore {
    /// The inbox of this queue.
    pub fn new(queue: Queue) -> Self {
        Self(queue)
    }
}

impl Store for InboxStore {
    async fn store(&self, mail: Accepted) -> Stored {
        let sender = mail.sender.address().cloned();
        let Accepted { received_at, peer, helo, tls, recipients, content, .. } = mail;
        let received = ReceivedMail { received_at, peer, helo, tls, sender, recipients, content };
        match self.0.receive(received).await {
            Ok(_) => Stored::Done,
            // Every refusal of the queue is about room; a store that fails ends the process.
            Err(Refusal::Limit { .. }) => Stored::Full,
            Err(_) => Stored::Failed,
        }
    }
}
