//! Replies: every cut, every real reply we know, and servers that mean harm.

use std::path::{Path, PathBuf};

use bytes::BytesMut;
use mail_model::Reply;
use smtp_wire::reply::{LINE_BYTES_MAX, LINES_MAX, REPLY_BYTES_MAX};
use smtp_wire::{ReplyFault, ReplyLimits, ReplyParser};

type Outcome = Result<Vec<Reply>, (Vec<Reply>, ReplyFault)>;

/// Feeds pieces and gives the replies, and the fault that ended them if there was one.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = ReplyParser::new(ReplyLimits::default());
    let mut buffer = BytesMut::new();
    let mut replies = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.feed(&mut buffer) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(fault) => return Err((replies, fault)),
            }
        }
    }
    Ok(replies)
}

/// Reads `wire` whole, byte by byte and cut once at every place, and demands the same each time.
fn read_every_way(wire: &[u8]) -> Outcome {
    let whole = read([wire]);
    assert_eq!(read(wire.chunks(1)), whole, "{}", wire.escape_ascii());
    for cut in 1..wire.len() {
        let (left, right) = wire.split_at(cut);
        assert_eq!(read([left, right]), whole, "{} cut at {cut}", wire.escape_ascii());
    }
    whole
}

fn shared(name: &str) -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared").join(name)).find(|p| p.exists())
}

#[test]
fn replies_are_read_as_the_table_says_however_they_are_cut() {
    let table: [(&[u8], u16, Option<&str>, &str); 16] = [
        (b"250 OK\r\n", 250, None, "OK"),
        (b"250\r\n", 250, None, ""),
        (b"250 \r\n", 250, None, ""),
        (b"250 OK\n", 250, None, "OK"),
        (b"250-a\n250-b\r\n250 c\n", 250, None, "a b c"),
        (b"250-\r\n250 c\r\n", 250, None, "c"),
        (b"550 5.7.509 Access denied\r\n", 550, Some("5.7.509"), "Access denied"),
        (b"550-5.1.1 No such user\r\n550-5.1.1 here.\r\n550 5.1.1\r\n", 550, Some("5.1.1"), "No such user here."),
        (b"550-Words first\r\n550 5.1.1 then status\r\n", 550, Some("5.1.1"), "Words first then status"),
        (b"550-5.1.1 one\r\n550 5.2.2 two\r\n", 550, Some("5.1.1"), "one 5.2.2 two"),
        (b"421 4.7.28\r\n", 421, Some("4.7.28"), ""),
        (b"550  5.1.1  two  blanks  \r\n", 550, Some("5.1.1"), "two  blanks"),
        (b"554 \x1b[31mred\0\x82\xa0\r\n", 554, None, "\\x1b[31mred\\x00\\x82\\xa0"),
        (b"554 a\rb\r\r\n", 554, None, "a\\x0db"),
        ("550 宛先不明\r\n".as_bytes(), 550, None, "宛先不明"),
        (b"599 edge\r\n", 599, None, "edge"),
    ];
    for (wire, code, status, text) in table {
        let replies = read_every_way(wire).unwrap();
        let [reply] = replies.as_slice() else { panic!("{}", wire.escape_ascii()) };
        let shown = reply.enhanced.map(|s| s.to_string());
        assert_eq!((reply.code, shown.as_deref(), reply.text.as_str()), (code, status, text));
    }
}

#[test]
fn bytes_that_are_no_reply_are_a_fault_however_they_are_cut() {
    use ReplyFault::*;
    let table: [(&[u8], ReplyFault); 14] = [
        (b"\r\n", NotAReply),
        (b"abc\r\n", NotAReply),
        (b"25\r\n", NotAReply),
        (b"199 too low\r\n", NotAReply),
        (b"600 too high\r\n", NotAReply),
        (b"2500 four digits\r\n", NotAReply),
        (b"250_OK\r\n", NotAReply),
        (b" 250 OK\r\n", NotAReply),
        (b"HTTP/1.1 400 Bad Request\r\n", NotAReply),
        (b"\xff\xfb\x01\r\n", NotAReply),
        (b"250-a\r\ngarbage\r\n", NotAReply),
        (b"250-a\r\n550 b\r\n", CodeChanged),
        (b"250-a\r\n251-b\r\n250 c\r\n", CodeChanged),
        (b"550-5.1.1 a\r\n500 5.1.1 b\r\n", CodeChanged),
    ];
    for (wire, fault) in table {
        assert_eq!(read_every_way(wire), Err((vec![], fault)), "{}", wire.escape_ascii());
        let after_a_good_one = [b"250 OK\r\n", wire].concat();
        assert_eq!(read_every_way(&after_a_good_one), Err((vec![Reply::new(250, "OK")], fault)));
    }
}

#[test]
fn replies_sent_together_are_told_apart_and_a_partial_one_waits() {
    let wire = b"250 2.0.0 queued\r\n250-2.1.0 sender\r\n250 2.1.0 ok\r\n550 5.1.1 unknown\r\n354 go";
    let replies = read_every_way(wire).unwrap();
    let expected =
        [Reply::new(250, "2.0.0 queued"), Reply::new(250, "2.1.0 sender ok"), Reply::new(550, "5.1.1 unknown")];
    assert_eq!(replies, expected);
}

#[test]
fn a_fault_stays_a_fault() {
    let mut parser = ReplyParser::default();
    let mut buffer = BytesMut::from(&b"what\r\n250 OK\r\n"[..]);
    assert_eq!(parser.feed(&mut buffer), Err(ReplyFault::NotAReply));
    assert_eq!(parser.feed(&mut buffer), Err(ReplyFault::NotAReply));
}

#[test]
fn the_lines_of_an_ehlo_reply_are_kept_apart() {
    let mut parser = ReplyParser::default();
    let mut buffer = BytesMut::from(&b"250-mx.example.jp hello\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"[..]);
    let parsed = parser.feed_with_lines(&mut buffer).unwrap().unwrap();
    assert_eq!(parsed.lines, ["mx.example.jp hello", "PIPELINING", "SIZE 1000"]);
    assert_eq!(parsed.reply.text, "mx.example.jp hello PIPELINING SIZE 1000");
    assert!(buffer.is_empty());
}

#[test]
fn every_known_reply_of_a_carrier_survives_every_cut() {
    let Some(path) = shared("bounces/replies-dev.tsv") else {
        println!("skipped: no folder `shared` with bounces/replies-dev.tsv above this crate");
        return;
    };
    let table = std::fs::read_to_string(path).unwrap();
    let mut count = 0;
    for row in table.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (enhanced, text) = (columns[2], columns[3]);
        // Rows that only know the words stand for a plain 550.
        let code: u16 = columns[1].parse().unwrap_or(550);
        let words = format!("{enhanced} {text}");
        let words = words.trim();
        let replies = read_every_way(format!("{code} {words}\r\n").as_bytes()).unwrap();
        assert_eq!(replies, [Reply::new(code, words)]);
        // The same words broken over two lines say the same.
        if let Some((first, second)) = text.split_once(' ') {
            let status = if enhanced.is_empty() { String::new() } else { format!("{enhanced} ") };
            let wire = format!("{code}-{status}{first}\r\n{code} {status}{second}\r\n");
            let broken = read([wire.as_bytes()]).unwrap();
            assert_eq!(broken.len(), 1);
            assert_eq!(broken[0].code, code);
        }
        count += 1;
    }
    assert!(count > 900, "{count} rows");
}

#[test]
fn a_reply_of_a_hundred_kilobytes_is_read_in_full() {
    let line = "550-5.7.1 ".to_owned() + &"x".repeat(90) + "\r\n";
    let wire = line.repeat(1_000) + "550 5.7.1 end\r\n";
    for size in [1, 7, 1_460, wire.len()] {
        let replies = read(wire.as_bytes().chunks(size)).unwrap();
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].text.len(), 91 * 1_000 + 3);
        assert_eq!(replies[0].enhanced.map(|s| s.to_string()).as_deref(), Some("5.7.1"));
    }
}

#[test]
fn endless_replies_end_at_their_cap_however_they_are_cut() {
    let many = "250-x\r\n".repeat(LINES_MAX + 1);
    let wide = format!("250-{}\r\n", "x".repeat(LINE_BYTES_MAX - 10)).repeat(REPLY_BYTES_MAX / LINE_BYTES_MAX + 2);
    let long = format!("250 {}", "x".repeat(LINE_BYTES_MAX));
    let long_ended = format!("{long}\r\n");
    let table = [
        (&many, ReplyFault::TooManyLines),
        (&wide, ReplyFault::TooLong),
        (&long, ReplyFault::LineTooLong),
        (&long_ended, ReplyFault::LineTooLong),
    ];
    for (wire, fault) in table {
        for size in [1, 3, 1_000, wire.len()] {
            assert_eq!(read(wire.as_bytes().chunks(size)), Err((vec![], fault)));
        }
    }
}

#[test]
fn an_endless_line_does_not_fill_memory() {
    let mut parser = ReplyParser::default();
    let mut buffer = BytesMut::new();
    let mut fed = 0;
    while let Ok(None) = parser.feed(&mut buffer) {
        buffer.extend_from_slice(&[b'2'; 1_000]);
        fed += 1_000;
        assert!(fed <= LINE_BYTES_MAX + 1_000);
    }
}
