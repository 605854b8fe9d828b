//! Stuffing and end of data, proved for every short string and for the known smuggling sequences.

use bytes::BytesMut;
use memchr::memmem;
use smtp_wire::{DotStuffer, EndOfData, stuff};

const ALPHABET: [u8; 5] = [b'\r', b'\n', b'.', b'a', 0];

/// Ends of data that some receiver was found to accept, beside the only right one.
const SMUGGLING_ENDS: [&[u8]; 13] = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\n",
    b"\r\r\n.\r\r\n",
];

fn for_every_string(length_max: u32, mut check: impl FnMut(&[u8])) -> usize {
    let mut count = 0;
    for length in 0..=length_max {
        for number in 0..5usize.pow(length) {
            let mut rest = number;
            let mut text = Vec::with_capacity(8);
            for _ in 0..length {
                text.push(ALPHABET[rest % 5]);
                rest /= 5;
            }
            check(&text);
            count += 1;
        }
    }
    count
}

/// What stuffing promises to deliver, written the slow way.
fn mended(body: &[u8]) -> Vec<u8> {
    let body: Vec<u8> = body.iter().copied().filter(|&b| b != 0).collect();
    let mut out = Vec::new();
    let mut bytes = body.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&&b'\n');
                out.extend(b"\r\n");
            }
            b'\n' => out.extend(b"\r\n"),
            other => out.push(other),
        }
    }
    if !out.ends_with(b"\r\n") {
        out.extend(b"\r\n");
    }
    out
}

fn receive(pieces: &[&[u8]]) -> (Vec<u8>, EndOfData, bool) {
    let mut automaton = EndOfData::new();
    let mut content = BytesMut::new();
    let mut ended = false;
    for piece in pieces {
        let progress = automaton.feed(piece, &mut content);
        ended = progress.ended;
        assert!(ended || progress.consumed == piece.len());
    }
    (content.to_vec(), automaton, ended)
}

#[test]
fn every_short_string_leaves_clean_with_one_end_under_any_receiver() {
    let finders = SMUGGLING_ENDS.map(memmem::Finder::new);
    let count = for_every_string(8, |body| {
        let wire = stuff(body);
        // The line end of the DATA command stands before the content for every receiver.
        let seen = [b"\r\n", &wire[..]].concat();
        for (at, &byte) in seen.iter().enumerate() {
            assert_ne!(byte, 0, "{}", body.escape_ascii());
            assert!(byte != b'\n' || seen[at - 1] == b'\r', "{}", body.escape_ascii());
            assert!(byte != b'\r' || seen[at + 1] == b'\n', "{}", body.escape_ascii());
        }
        let end = seen.len() - 5;
        assert_eq!(memmem::find(&seen, b"\r\n.\r\n"), Some(end), "{}", body.escape_ascii());
        for finder in &finders {
            let early = finder.find(&seen).filter(|&at| at < end);
            assert_eq!(early, None, "{} holds {}", body.escape_ascii(), finder.needle().escape_ascii());
        }
        let (content, automaton, ended) = receive(&[&wire]);
        assert!(ended && !automaton.has_bare_cr() && !automaton.has_bare_lf());
        assert_eq!(content, mended(body), "{}", body.escape_ascii());
    });
    assert_eq!(count, 488_281);
}

#[test]
fn stuffing_in_pieces_gives_the_same_bytes_as_stuffing_at_once() {
    for_every_string(6, |body| {
        let whole = stuff(body);
        for cut in 0..=body.len() {
            let (left, right) = body.split_at(cut);
            let mut stuffer = DotStuffer::new();
            let mut out = BytesMut::new();
            stuffer.push(left, &mut out);
            stuffer.push(right, &mut out);
            stuffer.finish(&mut out);
            assert_eq!(out, whole, "{} | {}", left.escape_ascii(), right.escape_ascii());
        }
    });
}

#[test]
fn the_receiver_finds_the_end_wherever_the_bytes_are_cut() {
    for_every_string(6, |body| {
        let wire = stuff(body);
        let expected = mended(body);
        for cut in 0..wire.len() {
            let (content, _, ended) = receive(&[&wire[..cut], &wire[cut..]]);
            assert!(ended && content == expected, "{} cut at {cut}", body.escape_ascii());
        }
        let single: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(receive(&single).0, expected);
    });
}

#[test]
fn any_bytes_mean_the_same_to_the_receiver_however_they_are_cut() {
    for_every_string(7, |input| {
        let mut whole = EndOfData::new();
        let mut content = BytesMut::new();
        let progress = whole.feed(input, &mut content);
        let mut cut = EndOfData::new();
        let mut pieces = BytesMut::new();
        let mut consumed = 0;
        let mut ended = false;
        for piece in input.chunks(1) {
            let step = cut.feed(piece, &mut pieces);
            consumed += step.consumed;
            ended = step.ended;
        }
        assert_eq!((consumed, ended), (progress.consumed, progress.ended), "{}", input.escape_ascii());
        assert_eq!(pieces, content, "{}", input.escape_ascii());
        assert_eq!((cut.has_bare_cr(), cut.has_bare_lf()), (whole.has_bare_cr(), whole.has_bare_lf()));
    });
}

#[test]
fn no_smuggling_sequence_ends_the_content_and_each_is_noticed() {
    for sequence in SMUGGLING_ENDS {
        // A right end that follows an early CR is a right end.
        if sequence == b"\r\r\n.\r\n" {
            continue;
        }
        let wire = [b"a", sequence, b"MAIL FROM:<x@example.jp>\r\n.\r\nQUIT\r\n"].concat();
        let end = wire.len() - b"QUIT\r\n".len();
        for size in [1, 2, 3, 5, wire.len()] {
            let mut automaton = EndOfData::new();
            let mut content = BytesMut::new();
            let mut consumed = 0;
            for piece in wire.chunks(size) {
                let progress = automaton.feed(piece, &mut content);
                consumed += progress.consumed;
                if progress.ended {
                    break;
                }
            }
            assert_eq!(consumed, end, "{} by {size}", sequence.escape_ascii());
            assert!(memmem::find(&content, b"MAIL FROM").is_some());
            let is_noticed = automaton.has_bare_cr() || automaton.has_bare_lf() || content.contains(&0);
            assert!(is_noticed, "{}", sequence.escape_ascii());
        }
    }
}

#[test]
fn bytes_behind_the_end_stay_with_the_caller() {
    let mut automaton = EndOfData::new();
    let mut content = BytesMut::new();
    let progress = automaton.feed(b"..a\r\n.\r\nRSET\r\n", &mut content);
    assert_eq!((progress.consumed, progress.ended), (8, true));
    assert_eq!(&content[..], b".a\r\n");
    assert_eq!(automaton.feed(b"RSET\r\n", &mut content).consumed, 0);
}

#[test]
fn large_content_survives_the_journey() {
    let line = b".dots.. and words that fill a line until seventy-six bytes or so are reached\r\n";
    let body = line.repeat(20_000);
    let wire = stuff(&body);
    assert_eq!(wire.len(), body.len() + 20_000 + 3);
    for size in [1, 1_000, 65_536] {
        let pieces: Vec<&[u8]> = wire.chunks(size).collect();
        let (content, _, ended) = receive(&pieces);
        assert!(ended && content == body);
    }
}
