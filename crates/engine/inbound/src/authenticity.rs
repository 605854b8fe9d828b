//! Whether a mail is from whom its envelope says: SPF, DKIM and DMARC by mail-auth, and one decision from all three.

use mail_auth::common::verify::VerifySignature;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DkimOutput, DkimResult, DmarcResult, MessageAuthenticator, SpfResult};
use mail_model::EmailAddress;
use queue::ReceivedMail;

use crate::told::registrable;

/// Signatures of one mail that are looked at; each costs a question to DNS.
const SIGNATURES_MAX: usize = 5;

/// What is known of a mail's envelope sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// The domain vouches for the mail.
    Pass,
    /// The domain publishes nothing that says yes or no.
    None,
    /// The domain disowns the mail, or the domain of its From does.
    Fail,
    /// DNS does not answer now.
    Unknown,
}

impl Authentication {
    /// As written in labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::None => "none",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// Judges a mail. Asks DNS, a few dozen questions at most.
pub(crate) async fn judge(
    authenticator: &MessageAuthenticator,
    mail: &ReceivedMail,
    sender: &EmailAddress,
    host_name: &str,
) -> Authentication {
    let peer = mail.peer.to_canonical();
    let spf = SpfParameters::verify_mail_from(peer, &mail.helo, host_name, sender.as_str());
    let spf = authenticator.verify_spf(spf).await;
    let Some(mut message) = AuthenticatedMessage::parse(&mail.content) else {
        return decide(&Facts { spf: spf.result(), ..Facts::default() });
    };
    message.dkim_headers.truncate(SIGNATURES_MAX);
    message.errors.truncate(SIGNATURES_MAX);
    let dkim = authenticator.verify_dkim(&message).await;
    let dmarc = DmarcParameters::new(&message, &dkim, sender.domain(), &spf);
    let dmarc = authenticator.verify_dmarc(dmarc).await;
    decide(&Facts {
        spf: spf.result(),
        is_signed: dkim.iter().any(|output| is_signed_by(output, sender.domain())),
        is_signature_unknown: dkim.iter().any(|output| matches!(output.result(), DkimResult::TempError(_))),
        dmarc: dmarc.result(),
        has_several_authors: has_several_authors(&message.from),
    })
}

/// A good signature of the envelope's organisation: of its domain, one above or one below it.
fn is_signed_by(output: &DkimOutput<'_>, domain: &str) -> bool {
    let signer = output.signature().map(|signature| signature.domain().to_ascii_lowercase());
    *output.result() == DkimResult::Pass && signer.is_some_and(|signer| registrable(&signer) == registrable(domain))
}

fn has_several_authors(from: &[String]) -> bool {
    let mut domains = from.iter().filter_map(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    let first = domains.next();
    domains.any(|domain| Some(domain) != first)
}

struct Facts {
    spf: SpfResult,
    /// A good signature of the envelope's organisation.
    is_signed: bool,
    /// A signature whose key could not be asked for.
    is_signature_unknown: bool,
    dmarc: DmarcResult,
    /// From names several domains, which exempts a mail from DMARC and is nothing that a phone does.
    has_several_authors: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            spf: SpfResult::None,
            is_signed: false,
            is_signature_unknown: false,
            dmarc: DmarcResult::None,
            has_several_authors: false,
        }
    }
}

fn decide(facts: &Facts) -> Authentication {
    let is_vouched = facts.is_signed || facts.spf == SpfResult::Pass;
    let is_unknown = facts.is_signature_unknown || facts.spf == SpfResult::TempError;
    match facts.dmarc {
        _ if facts.has_several_authors => Authentication::Fail,
        DmarcResult::TempError(_) => Authentication::Unknown,
        // What DNS would still say could make it pass.
        DmarcResult::Fail(_) if is_unknown => Authentication::Unknown,
        DmarcResult::Fail(_) => Authentication::Fail,
        _ if is_vouched => Authentication::Pass,
        _ if is_unknown => Authentication::Unknown,
        _ if matches!(facts.spf, SpfResult::Fail | SpfResult::SoftFail) => Authentication::Fail,
        DmarcResult::Pass | DmarcResult::PermError(_) | DmarcResult::None => Authentication::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_auth::{DnsError, Error};

    #[test]
    fn the_envelope_must_be_vouched_for_and_dmarc_must_not_fail() {
        use Authentication::{Fail, None, Pass, Unknown};
        let fail = || DmarcResult::Fail(Error::NotAligned);
        let silent = || DmarcResult::TempError(Error::Dns(DnsError::Resolver("no answer".to_owned())));
        // (SPF, signed by the envelope's domain, a key without answer, DMARC, verdict)
        let table = [
            (SpfResult::Pass, false, false, DmarcResult::Pass, Pass),
            (SpfResult::Pass, false, false, DmarcResult::None, Pass),
            (SpfResult::None, true, false, DmarcResult::None, Pass),
            (SpfResult::Fail, true, false, DmarcResult::Pass, Pass),
            (SpfResult::None, false, false, DmarcResult::None, None),
            (SpfResult::Neutral, false, false, DmarcResult::None, None),
            (SpfResult::PermError, false, false, DmarcResult::None, None),
            // From passes by its own signature; the envelope is somebody else's, about whom nothing is known.
            (SpfResult::None, false, false, DmarcResult::Pass, None),
            (SpfResult::SoftFail, false, false, DmarcResult::Pass, Fail),
            (SpfResult::Fail, false, false, DmarcResult::None, Fail),
            (SpfResult::SoftFail, false, false, DmarcResult::None, Fail),
            (SpfResult::Pass, true, false, fail(), Fail),
            (SpfResult::None, false, false, fail(), Fail),
            (SpfResult::TempError, false, false, DmarcResult::None, Unknown),
            (SpfResult::TempError, false, false, fail(), Unknown),
            (SpfResult::Fail, false, true, fail(), Unknown),
            (SpfResult::Pass, false, false, silent(), Unknown),
            (SpfResult::TempError, true, false, DmarcResult::Pass, Pass),
        ];
        for (spf, is_signed, is_signature_unknown, dmarc, verdict) in table {
            let words = format!("{spf:?} {is_signed} {is_signature_unknown} {dmarc:?}");
            let facts = Facts { spf, is_signed, is_signature_unknown, dmarc, has_several_authors: false };
            assert_eq!(decide(&facts), verdict, "{words}");
        }
    }

    #[test]
    fn a_from_of_several_domains_is_no_phones_mail() {
        let list = |addresses: &[&str]| addresses.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
        assert!(!has_several_authors(&list(&["a@docomo.ne.jp"])) && !has_several_authors(&[]));
        assert!(!has_several_authors(&list(&["a@docomo.ne.jp", "b@docomo.ne.jp"])));
        assert!(has_several_authors(&list(&["a@docomo.ne.jp", "b@evil.example"])));
        let facts = Facts { spf: SpfResult::Pass, has_several_authors: true, ..Facts::default() };
        assert_eq!(decide(&facts), Authentication::Fail);
    }
}
