//! Who hears of registrations.

use mail_model::{EmailAddress, UnixMs};

use crate::authenticity::Authentication;

/// Somebody sent a mail to a school's registration address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationEvent {
    /// The school's number.
    pub school: u32,
    /// The generation of the address that was written to.
    pub generation: u8,
    /// Who wrote: the envelope sender, which is whom authentication speaks of and whom the answer goes to.
    pub sender: EmailAddress,
    /// What is known of the sender. Mail that fails authentication is no event.
    pub authentication: Authentication,
    /// When it came in.
    pub received_at: UnixMs,
    /// Stands for the mail. After a crash the same event may come twice, with the same digest.
    pub digest: [u8; 32],
}

/// What a registration is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationAnswer {
    /// This. It must not tell whether the address is known: whoever reads it may have forged nothing but the sender.
    Reply {
        /// Its subject.
        subject: String,
        /// Its text.
        text: String,
    },
    /// Nothing.
    Silent,
}

/// Takes registrations. Called outside async code; may take its time, at most 16 at once.
pub trait Registrar: Send + Sync + 'static {
    /// Takes one, and tells what to answer.
    fn register(&self, event: &RegistrationEvent) -> RegistrationAnswer;
}
