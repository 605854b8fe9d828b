//! Every size a content may have. Beyond a limit the content is refused when it is handed in, with the limit named.

/// Largest mail, in bytes as it goes over the wire. au and docomo take 3 to 10 MiB, Gmail 25 MB.
pub const MAIL_BYTES_MAX: usize = 20 << 20;
/// Largest text of one part (plain or HTML), in bytes of UTF-8, before and after substitution.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Longest value of one header, in bytes of UTF-8 after substitution.
pub const HEADER_BYTES_MAX: usize = 8 << 10;
/// Longest display name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Most entries of `headers`, and most header fields of a raw content.
pub const HEADERS_MAX: usize = 100;
/// Most attachments.
pub const ATTACHMENTS_MAX: usize = 20;
/// Longest file name, in characters.
pub const FILE_NAME_CHARS_MAX: usize = 150;
/// Longest line of a mail without its CRLF, RFC 5322 2.1.1.
pub const LINE_BYTES_MAX: usize = 998;
/// Steps a template may take for one recipient; a greeting takes about ten, a table of 100 rows about 2,000, and every
/// 64 bytes made take one more.
pub const TEMPLATE_STEPS_MAX: u64 = 50_000;
