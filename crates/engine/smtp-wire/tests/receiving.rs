//! What a side that takes mail from strangers reads: every short string against a plain specification, however cut.

use bytes::BytesMut;
use smtp_wire::{ClientCommand, CommandFault, CommandReader, EndOfData};

const ALPHABET: [&[u8]; 5] = [b"\r", b"\n", b".", b"a", b"\0"];
const WORDS: [&[u8]; 5] = [b"\r", b"\n", b"NOOP", b" ", b"\0"];

type Outcome = Result<ClientCommand, CommandFault>;

/// Calls `check` with every sequence of up to `length_max` pieces of `alphabet`; gives their number.
fn for_every_string(alphabet: &[&[u8]; 5], length_max: u32, mut check: impl FnMut(&[u8])) -> usize {
    let mut count = 0;
    for length in 0..=length_max {
        for number in 0..5usize.pow(length) {
            let mut rest = number;
            let mut text = Vec::with_capacity(32);
            for _ in 0..length {
                text.extend_from_slice(alphabet[rest % 5]);
                rest /= 5;
            }
            check(&text);
            count += 1;
        }
    }
    count
}

/// Calls `check` with `bytes` cut in every possible way: each bit of a number says whether a cut follows a byte.
fn for_every_cut(bytes: &[u8], mut check: impl FnMut(&[&[u8]])) {
    let places = bytes.len().saturating_sub(1);
    for cuts in 0..1u32 << places {
        let mut pieces = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for at in 0..places {
            if cuts >> at & 1 == 1 {
                pieces.push(&bytes[from..=at]);
                from = at + 1;
            }
        }
        pieces.push(&bytes[from..]);
        check(&pieces);
    }
}

fn read(pieces: &[&[u8]]) -> Vec<Outcome> {
    let mut reader = CommandReader::new();
    let mut buffer = BytesMut::new();
    let mut commands = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(outcome) = reader.read(&mut buffer) {
            commands.push(outcome);
        }
    }
    commands
}

/// What a command line is: bytes up to an LF, ended by CRLF, without another CR, printable.
fn commands_as_specified(input: &[u8]) -> Vec<Outcome> {
    let mut lines: Vec<&[u8]> = input.split(|&b| b == b'\n').collect();
    lines.pop();
    let outcome = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").ok_or(CommandFault::BareLineEnd)?;
        if line.contains(&b'\r') {
            return Err(CommandFault::BareLineEnd);
        }
        if line.contains(&0) {
            return Err(CommandFault::ForbiddenByte);
        }
        let is_noop = line == b"NOOP" || line.starts_with(b"NOOP ");
        Ok(if is_noop { ClientCommand::Noop } else { ClientCommand::Other })
    };
    lines.into_iter().map(outcome).collect()
}

/// What content is: all before the first CRLF.CRLF, counting the line end of DATA, each line without its first dot.
struct Specified {
    consumed: usize,
    ended: bool,
    content: Vec<u8>,
}

fn content_as_specified(input: &[u8]) -> Specified {
    let seen = [b"\r\n", input].concat();
    let end = seen.windows(5).position(|window| window == b"\r\n.\r\n");
    // The line end of DATA is no content; the one before the final dot is.
    let lines = &seen[2..end.map_or(seen.len(), |at| (at + 2).max(2))];
    let mut content = Vec::new();
    for (at, &byte) in lines.iter().enumerate() {
        let begins_line = at == 0 || lines[..at].ends_with(b"\r\n");
        if byte != b'.' || !begins_line {
            content.push(byte);
        }
    }
    Specified { consumed: end.map_or(input.len(), |at| at + 3), ended: end.is_some(), content }
}

fn bare_ends(bytes: &[u8]) -> (bool, bool) {
    let bare_lf = (0..bytes.len()).any(|at| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r'));
    let bare_cr = (0..bytes.len()).any(|at| bytes[at] == b'\r' && bytes.get(at + 1).is_some_and(|&b| b != b'\n'));
    (bare_cr, bare_lf)
}

/// Bytes taken, whether the end was read, what was handed on, whether a CR and whether an LF stood alone.
type Received = (usize, bool, Vec<u8>, (bool, bool));

fn receive(pieces: &[&[u8]]) -> Received {
    let mut automaton = EndOfData::new();
    let mut content = BytesMut::new();
    let (mut consumed, mut ended) = (0, false);
    for piece in pieces {
        let progress = automaton.feed(piece, &mut content);
        consumed += progress.consumed;
        ended = progress.ended;
    }
    (consumed, ended, content.to_vec(), (automaton.has_bare_cr(), automaton.has_bare_lf()))
}

#[test]
fn every_short_string_is_cut_into_the_command_lines_of_the_specification() {
    for alphabet in [&ALPHABET, &WORDS] {
        let count = for_every_string(alphabet, 8, |input| {
            let expected = commands_as_specified(input);
            assert_eq!(read(&[input]), expected, "{}", input.escape_ascii());
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(read(&bytes), expected, "{} by single bytes", input.escape_ascii());
        });
        assert_eq!(count, 488_281);
    }
    for_every_string(&ALPHABET, 6, |input| {
        let expected = commands_as_specified(input);
        for_every_cut(input, |pieces| assert_eq!(read(pieces), expected, "{pieces:?}"));
    });
}

#[test]
fn every_short_string_ends_the_content_exactly_where_the_specification_does() {
    let check = |pieces: &[&[u8]], input: &[u8]| {
        let expected = content_as_specified(input);
        let (consumed, ended, content, bare) = receive(pieces);
        assert_eq!((consumed, ended), (expected.consumed, expected.ended), "{}", input.escape_ascii());
        if ended {
            assert_eq!(content, expected.content, "{}", input.escape_ascii());
            assert_eq!(bare, bare_ends(&input[..consumed]), "{}", input.escape_ascii());
        } else {
            // At most a dot and a CR are held back until the next byte decides what they are.
            assert!(expected.content.starts_with(&content) && expected.content.len() <= content.len() + 1);
        }
    };
    let count = for_every_string(&ALPHABET, 8, |input| {
        check(&[input], input);
        check(&input.chunks(1).collect::<Vec<_>>(), input);
        // Every one of them once more with a real end behind it.
        let ended = [input, b"\r\n.\r\n"].concat();
        check(&[&ended], &ended);
    });
    assert_eq!(count, 488_281);
    for_every_string(&ALPHABET, 7, |input| for_every_cut(input, |pieces| check(pieces, input)));
}
