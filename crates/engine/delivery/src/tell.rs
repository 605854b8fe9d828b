//! What a session tells of its beginning and end.

use mail_model::MonoUs;
use smtp_client::{Failure, Trouble};
use telemetry::{SessionClosed, SessionFailed, SessionOpened};

use crate::desk::Desk;

impl Desk {
    pub(crate) fn tell_opened(&self, begun: MonoUs, tls: bool) {
        let took = self.context.clock.mono().since(begun);
        let (carrier, source) = (&self.path.carrier, &self.path.source);
        SessionOpened { meters: &self.meters, carrier, source, peer: &self.mx_host, tls, took }.emit();
    }

    pub(crate) fn tell_closed(&self, opened: MonoUs, by_us: bool) {
        let lasted = self.context.clock.mono().since(opened);
        let (carrier, source) = (&self.path.carrier, &self.path.source);
        let why = if by_us { "quit" } else { "closed by the carrier" };
        SessionClosed { meters: &self.meters, carrier, source, mails: self.settled, lasted, why }.emit();
    }

    pub(crate) fn tell_not_opened(&self, failure: &Failure) {
        let trouble = match &failure.trouble {
            Trouble::Reply(reply) => reply.code.to_string(),
            Trouble::TimedOut => "timed out".to_owned(),
            Trouble::Closed => "closed".to_owned(),
            Trouble::Reset => "reset".to_owned(),
            Trouble::Refused => "refused".to_owned(),
            Trouble::Unreachable => "unreachable".to_owned(),
            Trouble::SourceUnusable => "source address unusable".to_owned(),
            Trouble::Tls(fault) => fault.result.as_str().to_owned(),
            Trouble::NeedsSmtpUtf8 => "smtputf8".to_owned(),
            Trouble::Protocol(_) => "protocol".to_owned(),
        };
        let (carrier, source) = (&self.path.carrier, &self.path.source);
        SessionFailed { carrier, source, peer: &self.mx_host, stage: failure.stage, trouble: &trouble }.emit();
    }
}
