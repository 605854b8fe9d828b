//! What an operator should see of signing.

use mail_model::{CarrierName, MessageId};
use metrics::counter;
use tracing::warn;

use crate::metrics_table::UNSIGNED;

/// A mail leaves without a DKIM signature, though there are keys: none of them is for its From and in force.
pub struct MailUnsigned<'a> {
    /// Who gets it.
    pub carrier: &'a CarrierName,
    /// Its message.
    pub message: MessageId,
    /// Whether it is the first of its message: that one is logged, all are counted.
    pub is_first: bool,
}

impl MailUnsigned<'_> {
    /// Counts, and logs the first.
    pub fn emit(&self) {
        counter!(UNSIGNED, "carrier" => self.carrier.to_string()).increment(1);
        if self.is_first {
            warn!(
                target: "todoke::delivery",
                message = %self.message,
                carrier = self.carrier.as_str(),
                "mails leave unsigned: [[dkim_keys]] has no key in force for the domain of their From; Gmail and docomo may refuse them"
            );
        }
    }
}
