//! What we send, read by receivers that are more lenient than any standard: none of them sees an end before the end.

use smtp_wire::stuff;

const ALPHABET: [u8; 5] = [b'\r', b'\n', b'.', b'a', 0];

/// A receiver: where in `seen` (which begins with the line end of DATA) its content ends, end of data included.
type Receiver = fn(&[u8]) -> Option<usize>;

/// Lines end at LF; a CR before it belongs to the end.
fn line_feed(seen: &[u8]) -> Option<usize> {
    lines(seen, |bytes| match bytes {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    })
}

/// Lines end at CR, LF or CRLF.
fn either(seen: &[u8]) -> Option<usize> {
    lines(seen, |bytes| match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    })
}

/// Lines end at any run of CRs with or without an LF behind it, or at LF.
fn run_of_returns(seen: &[u8]) -> Option<usize> {
    lines(seen, |bytes| {
        let returns = bytes.iter().take_while(|&&b| b == b'\r').count();
        returns + usize::from(bytes.get(returns) == Some(&b'\n'))
    })
}

/// Lines end at LFCR, too.
fn reversed(seen: &[u8]) -> Option<usize> {
    lines(seen, |bytes| match bytes {
        [b'\r', b'\n', ..] | [b'\n', b'\r', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    })
}

/// The first line that is a lone dot; `end` gives the length of the line end that `bytes` begins with, 0 for none.
fn lines(seen: &[u8], end: fn(&[u8]) -> usize) -> Option<usize> {
    let mut line = Vec::new();
    let mut at = 0;
    while at < seen.len() {
        let length = end(&seen[at..]);
        if length == 0 {
            line.push(seen[at]);
            at += 1;
            continue;
        }
        at += length;
        if line == b"." {
            return Some(at);
        }
        line.clear();
    }
    None
}

/// Takes a byte out before it looks, and then reads like `receiver`.
fn without(byte: u8, seen: &[u8], receiver: Receiver) -> Option<usize> {
    let kept: Vec<usize> = (0..seen.len()).filter(|&at| seen[at] != byte).collect();
    let bytes: Vec<u8> = kept.iter().map(|&at| seen[at]).collect();
    receiver(&bytes).map(|end| kept[end - 1] + 1)
}

/// Drops NULs first, as C programs and some gateways do.
fn deaf_to_nul(seen: &[u8]) -> Option<usize> {
    without(0, seen, either)
}

/// Drops every CR first.
fn deaf_to_returns(seen: &[u8]) -> Option<usize> {
    without(b'\r', seen, line_feed)
}

/// Waits for the five bytes and forgives a second CR before the last LF (`CRLF . CR CR LF`, as smtp-proto 0.2.5 does).
fn forgives_a_return(seen: &[u8]) -> Option<usize> {
    (2..seen.len()).find_map(|at| {
        let before = seen[..at].ends_with(b"\r\n") && seen[at] == b'.';
        let behind = &seen[at + 1..];
        let returns = behind.iter().take_while(|&&b| b == b'\r').count();
        (before && returns > 0 && behind.get(returns) == Some(&b'\n')).then_some(at + 2 + returns)
    })
}

/// Any byte below a blank ends a line, one or many of them.
fn any_control(seen: &[u8]) -> Option<usize> {
    lines(seen, |bytes| bytes.iter().take_while(|&&b| b < b' ').count())
}

const RECEIVERS: [(&str, Receiver); 8] = [
    ("LF", line_feed),
    ("CR, LF or CRLF", either),
    ("runs of CR", run_of_returns),
    ("LFCR", reversed),
    ("without NUL", deaf_to_nul),
    ("without CR", deaf_to_returns),
    ("CRLF . CR CR LF", forgives_a_return),
    ("any control byte", any_control),
];

fn check(body: &[u8]) {
    let wire = stuff(body);
    let seen = [b"\r\n", &wire[..]].concat();
    for (name, receiver) in RECEIVERS {
        assert_eq!(receiver(&seen), Some(seen.len()), "{} read by lines of {name}", body.escape_ascii());
    }
}

#[test]
fn every_short_string_ends_where_it_ends_for_every_lenient_receiver() {
    for length in 0..=8 {
        for number in 0..5usize.pow(length) {
            let mut rest = number;
            let body: Vec<u8> = (0..length)
                .map(|_| {
                    let byte = ALPHABET[rest % 5];
                    rest /= 5;
                    byte
                })
                .collect();
            check(&body);
        }
    }
}

#[test]
fn a_mail_that_hides_another_stays_one_mail_for_every_lenient_receiver() {
    let ends: [&[u8]; 16] = [
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
        b"\n\r.\n\r",
        b"\r\n.\r\n",
        b"\r\n\r\n.\n\n",
    ];
    for end in ends {
        let hidden = b"MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n";
        check(&[b"Subject: a\r\n\r\nbody", end, hidden].concat());
    }
}

#[test]
fn the_lenient_receivers_are_as_lenient_as_they_claim() {
    let table: [(&[u8], [bool; 8]); 6] = [
        (b"a\n.\n", [true, true, true, true, true, true, false, true]),
        (b"a\r.\r", [false, true, true, false, true, false, false, true]),
        (b"a\r\n.\r\r\n", [false, true, true, false, true, true, true, true]),
        (b"a\n\r.\n\r", [false, true, true, true, true, true, false, true]),
        (b"a\r\n\0.\r\n", [false, false, false, false, true, false, false, true]),
        (b"a\r\n..\r\n", [false; 8]),
    ];
    for (wire, expected) in table {
        let seen = [b"\r\n", wire].concat();
        let found = RECEIVERS.map(|(_, receiver)| receiver(&seen).is_some());
        assert_eq!(found, expected, "{}", wire.escape_ascii());
    }
}
