//! Mails as carriers, providers and phones write them.

/// An RFC 3464 report about one recipient.
pub fn bounce(recipient: &str, status: &str, diagnostic: &str) -> String {
    let diagnostic =
        if diagnostic.is_empty() { String::new() } else { format!("Diagnostic-Code: smtp; {diagnostic}\r\n") };
    let action = if status.starts_with('2') { "delivered" } else { "failed" };
    format!(
        "From: MAILER-DAEMON@mta.carrier.example (Mail Delivery System)\r\n\
         To: someone@bounce.example.jp\r\n\
         Subject: Undelivered Mail Returned to Sender\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\r\n\
         \r\n\
         --b1\r\nContent-Type: text/plain\r\n\r\n\
         This is the mail system at host mta.carrier.example.\r\n\r\n\
         --b1\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mta.carrier.example\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\n\
         Action: {action}\r\n\
         Status: {status}\r\n\
         Remote-MTA: dns; mfsmax.docomo.ne.jp\r\n\
         {diagnostic}\r\n\
         --b1\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         From: school@example.jp\r\nTo: {recipient}\r\nSubject: notice\r\n\r\n\
         --b1--\r\n"
    )
}

/// The report of an unknown address as docomo's relay gives it.
pub fn unknown(recipient: &str) -> String {
    bounce(recipient, "5.1.1", &format!("550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"))
}

/// The report of a full mailbox.
pub fn full(recipient: &str) -> String {
    bounce(recipient, "5.2.2", &format!("552 5.2.2 <{recipient}>: Mailbox full"))
}

/// An RFC 5965 report that returns these header fields.
pub fn complaint(feedback_type: &str, fields: &str) -> String {
    format!(
        "From: fbl@provider.example\r\n\
         To: abuse@mx.example.jp\r\n\
         Subject: complaint\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"c1\"\r\n\
         \r\n\
         --c1\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n\r\n\
         --c1\r\nContent-Type: message/feedback-report\r\n\r\n\
         Feedback-Type: {feedback_type}\r\nUser-Agent: Provider/1.0\r\nVersion: 1\r\n\r\n\
         --c1\r\nContent-Type: message/rfc822\r\n\r\n\
         {fields}From: school@example.jp\r\nSubject: notice\r\n\r\nThe text.\r\n\r\n\
         --c1--\r\n"
    )
}

/// An empty mail from a phone, with further header fields.
pub fn empty(from: &str, id: &str, fields: &str) -> Vec<u8> {
    format!(
        "Message-ID: <{id}@{}>\r\nDate: Mon, 23 Nov 2026 12:00:00 +0900\r\nFrom: {from}\r\nSubject: \r\n{fields}\r\n",
        from.rsplit('@').next().unwrap_or_default()
    )
    .into_bytes()
}

/// An answer that a person writes to a notice.
pub fn reply(from: &str) -> String {
    format!("From: {from}\r\nSubject: Re: notice\r\nIn-Reply-To: <x@y>\r\n\r\nThank you, we will be there.\r\n")
}

/// A vacation notice.
pub fn vacation(from: &str) -> String {
    format!("From: {from}\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n")
}
