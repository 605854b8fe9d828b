//! SMTP as bytes: what is read must not depend on how it was cut, and agree with a slow and plain reading.

use bytes::BytesMut;
use smtp_wire::{
    CommandReader, DotStuffer, EndOfData, ParsedReply, ReplyFault, ReplyLimits, ReplyParser, ehlo_capabilities, stuff,
};

use crate::cuts::pieces;

/// Replies of a server, with the usual limits and with narrow ones that strike often.
pub fn replies(data: &[u8]) {
    let narrow = ReplyLimits { line_bytes_max: 60, lines_max: 4, reply_bytes_max: 120 };
    for limits in [ReplyLimits::default(), narrow] {
        let whole = read_replies(&[data], limits);
        assert_eq!(whole, read_replies(&pieces(data), limits), "the replies depend on the cuts");
        for parsed in whole.iter().flatten() {
            let reply = &parsed.reply;
            assert!((200..600).contains(&reply.code), "{}", reply.code);
            assert!(!parsed.lines.is_empty() && parsed.lines.len() <= limits.lines_max);
            let written = std::iter::once(&reply.text).chain(&parsed.lines);
            assert!(written.flat_map(|text| text.chars()).all(|letter| !letter.is_control()), "{:?}", reply.text);
        }
    }
}

fn read_replies(pieces: &[&[u8]], limits: ReplyLimits) -> Vec<Result<ParsedReply, ReplyFault>> {
    let mut parser = ReplyParser::new(limits);
    let mut buffer = BytesMut::new();
    let mut read = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.feed_with_lines(&mut buffer) {
                Ok(Some(reply)) => read.push(Ok(reply)),
                Ok(None) => break,
                Err(fault) => {
                    read.push(Err(fault));
                    return read;
                }
            }
        }
    }
    read
}

/// The lines of an EHLO reply. Keywords are the same in any case.
pub fn capabilities(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.split('\n').collect();
    let read = ehlo_capabilities(lines.iter().copied());
    let upper = text.to_ascii_uppercase();
    let same = ehlo_capabilities(upper.split('\n'));
    assert_eq!(format!("{read:?}"), format!("{same:?}"), "case decides");
    let _ = read.size_limit();
}

/// Commands of a client, read narrowly and widely.
pub fn commands(data: &[u8]) {
    let narrow =
        |reader: &mut CommandReader, buffer: &mut BytesMut| reader.feed(buffer).map(|line| format!("{line:?}"));
    let wide = |reader: &mut CommandReader, buffer: &mut BytesMut| {
        reader.read(buffer).map(|line| {
            if let Err(fault) = &line {
                assert!(fault.reply().starts_with('5'));
            }
            format!("{line:?}")
        })
    };
    let whole = read_commands(&[data], narrow);
    assert_eq!(whole, read_commands(&pieces(data), narrow), "the commands depend on the cuts");
    let widely = read_commands(&[data], wide);
    assert_eq!(widely, read_commands(&pieces(data), wide), "the commands depend on the cuts");
    assert_eq!(whole.len(), widely.len());
    for (narrow, wide) in whole.iter().zip(&widely) {
        assert!(narrow.starts_with("Err") || wide.starts_with("Ok"), "{narrow} is {wide}");
    }
}

fn read_commands(pieces: &[&[u8]], read: impl Fn(&mut CommandReader, &mut BytesMut) -> Option<String>) -> Vec<String> {
    let mut reader = CommandReader::new();
    let mut buffer = BytesMut::new();
    let mut commands = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(line) = read(&mut reader, &mut buffer) {
            commands.push(line);
        }
        assert!(buffer.len() <= smtp_wire::server_command::COMMAND_BYTES_MAX + 1, "a line grows without end");
    }
    commands
}

/// What EndOfData came to.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    content: Vec<u8>,
    consumed: usize,
    bare_cr: bool,
    bare_lf: bool,
}

/// Content on its way in.
pub fn end_of_data(data: &[u8]) {
    let whole = receive(&[data]);
    assert_eq!(whole, receive(&pieces(data)), "the content depends on the cuts");
    assert_eq!(whole, plainly(data), "a slow reading comes to something else");
}

fn receive(pieces: &[&[u8]]) -> Option<Content> {
    let mut reader = EndOfData::new();
    let mut content = BytesMut::new();
    let mut consumed = 0;
    for piece in pieces {
        let progress = reader.feed(piece, &mut content);
        consumed += progress.consumed;
        if progress.ended {
            let (bare_cr, bare_lf) = (reader.has_bare_cr(), reader.has_bare_lf());
            return Some(Content { content: content.to_vec(), consumed, bare_cr, bare_lf });
        }
        assert_eq!(progress.consumed, piece.len());
    }
    None
}

/// The same by searching: content ends before the first line that is a dot alone, and a line that begins with a dot
/// loses it. Lines end in CRLF only; the CRLF of DATA stands before the first (RFC 5321 4.1.1.4).
fn plainly(data: &[u8]) -> Option<Content> {
    let with_data = [b"\r\n", data].concat();
    let end = with_data.windows(5).position(|window| window == b"\r\n.\r\n")?;
    // What lies between, its last line's CRLF included and that of DATA left out.
    let inside = with_data.get(2..end + 2).unwrap_or_default();
    let mut content = Vec::new();
    let (mut bare_cr, mut bare_lf, mut at_start) = (false, false, true);
    for (at, byte) in inside.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| inside.get(at));
        let after = inside.get(at + 1);
        bare_cr |= *byte == b'\r' && after != Some(&b'\n');
        bare_lf |= *byte == b'\n' && before != Some(&b'\r');
        if !(at_start && *byte == b'.') {
            content.push(*byte);
        }
        at_start = *byte == b'\n' && before == Some(&b'\r');
    }
    Some(Content { content, consumed: end + 3, bare_cr, bare_lf })
}

/// Content on its way out, and in again.
pub fn stuffing(data: &[u8]) {
    let stuffed = stuff(data);
    let mut by_pieces = BytesMut::new();
    let mut stuffer = DotStuffer::new();
    for piece in pieces(data) {
        stuffer.push(piece, &mut by_pieces);
    }
    stuffer.finish(&mut by_pieces);
    assert_eq!(stuffed, by_pieces, "the stuffing depends on the cuts");
    let back = receive(&[&stuffed]);
    let expected = Content { content: mended(data), consumed: stuffed.len(), bare_cr: false, bare_lf: false };
    assert_eq!(back, Some(expected));
}

/// Content as it ought to arrive: no NUL, every line end CRLF, the last line ended.
fn mended(data: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = data.iter().copied().filter(|byte| *byte != 0).collect();
    let mut lines = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'\r' => {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                lines.extend_from_slice(b"\r\n");
            }
            b'\n' => lines.extend_from_slice(b"\r\n"),
            byte => lines.push(*byte),
        }
    }
    if !lines.ends_with(b"\r\n") {
        lines.extend_from_slice(b"\r\n");
    }
    lines
}
