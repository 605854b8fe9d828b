//! The conversation without sockets: each command in each state, and the same replies however the bytes are cut.

use mail_model::{MonoUs, UnixMs};
use proptest::prelude::*;

use super::*;
use crate::gate::Gate;

struct Doors;

impl Doorkeeper for Doors {
    fn recipient(&self, address: &EmailAddress, _: Option<&EmailAddress>) -> Answer {
        match (address.local(), address.domain()) {
            ("postmaster", "mx.example.jp") => Answer::Admit,
            (local, "bounce.example.jp") if local.starts_with("b+") => Answer::Admit,
            ("later", _) => Answer::try_later("451 4.2.1 Later"),
            ("enough", _) => Answer::try_later("421 4.7.0 Enough"),
            _ => Answer::refuse("550 5.1.1 Nobody here"),
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Talk {
    replies: String,
    mails: Vec<(ReversePath, Vec<EmailAddress>, Vec<u8>)>,
    why: Option<Why>,
}

impl Talk {
    fn codes(&self) -> Vec<&str> {
        let last = |line: &&str| line.as_bytes().get(3) == Some(&b' ');
        self.replies.lines().filter(last).filter_map(|line| line.get(..3)).collect()
    }
}

fn settings() -> Settings {
    let mut settings = Settings::new("mx.example.jp").unwrap();
    settings.message_bytes_max = 1_000;
    settings
}

/// Says one group after another, each in pieces of `size` bytes, and waits for the replies in between.
fn talk(settings: Settings, groups: &[impl AsRef<[u8]>], size: usize) -> Talk {
    talk_in(settings, groups, |group| group.chunks(size).map(<[u8]>::to_vec).collect())
}

fn talk_in(settings: Settings, groups: &[impl AsRef<[u8]>], cut: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Talk {
    let settings = Arc::new(settings);
    let clock = Clock::manual(UnixMs(1_000));
    let mut seat = Gate::new(&settings).enter([192, 0, 2, 1].into(), MonoUs(1)).unwrap();
    let mut conversation = Conversation::new(Arc::clone(&settings), [192, 0, 2, 1].into(), true);
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut talk = Talk::default();
    for piece in groups.iter().flat_map(|group| cut(group.as_ref())) {
        input.extend_from_slice(&piece);
        loop {
            let mut around = Around { doors: &Doors, seat: &mut seat, clock: &clock };
            match conversation.turn(&mut input, &mut out, &mut around) {
                Step::Read => break,
                Step::Store(mail) => {
                    talk.mails.push((mail.sender, mail.recipients, mail.content.to_vec()));
                    conversation.stored(Stored::Done, &mut out, &mut seat);
                }
                Step::StartTls => {
                    out.extend_from_slice(b"220 TLS\r\n");
                    conversation.begin_encrypted();
                }
                Step::Close(why) => {
                    talk.why = Some(why);
                    break;
                }
            }
        }
        if talk.why.is_some() {
            break;
        }
    }
    talk.replies = String::from_utf8(out.to_vec()).unwrap();
    talk
}

const EHLO: &str = "EHLO peer.example\r\n";
const MAIL: &str = "MAIL FROM:<>\r\n";
const RCPT: &str = "RCPT TO:<b+1@bounce.example.jp>\r\n";

#[test]
fn every_command_has_its_reply_in_every_state() {
    // Fresh, after EHLO, after MAIL, after RCPT.
    let table = [
        ("EHLO peer.example", ["250", "250", "250", "250"]),
        ("HELO peer.example", ["250", "250", "250", "250"]),
        ("EHLO", ["501", "501", "501", "501"]),
        ("MAIL FROM:<>", ["503", "250", "503", "503"]),
        ("MAIL FROM:<> SIZE=1000", ["503", "250", "503", "503"]),
        ("MAIL FROM:<> SIZE=1001", ["503", "552", "503", "503"]),
        ("MAIL FROM:<> RET=FULL", ["555", "555", "555", "555"]),
        ("RCPT TO:<b+1@bounce.example.jp>", ["503", "503", "250", "250"]),
        ("RCPT TO:<postmaster>", ["503", "503", "250", "250"]),
        ("RCPT TO:<nobody@bounce.example.jp>", ["503", "503", "550", "550"]),
        ("RCPT TO:<later@bounce.example.jp>", ["503", "503", "451", "451"]),
        ("RCPT TO:<enough@bounce.example.jp>", ["503", "503", "421", "421"]),
        ("RCPT TO:<a@b@c>", ["503", "503", "550", "550"]),
        ("RCPT TO:<b+1@bounce.example.jp> NOTIFY=NEVER", ["555", "555", "555", "555"]),
        ("DATA", ["503", "503", "554", "354"]),
        ("DATA now", ["501", "501", "501", "501"]),
        ("RSET", ["250", "250", "250", "250"]),
        ("NOOP", ["250", "250", "250", "250"]),
        ("VRFY b+1@bounce.example.jp", ["252", "252", "252", "252"]),
        ("HELP", ["214", "214", "214", "214"]),
        ("STARTTLS", ["220", "220", "220", "220"]),
        ("AUTH PLAIN", ["502", "502", "502", "502"]),
        ("EXPN list", ["502", "502", "502", "502"]),
        ("BDAT 3 LAST", ["502", "502", "502", "502"]),
        ("LHLO peer.example", ["500", "500", "500", "500"]),
        ("\0", ["500", "500", "500", "500"]),
        ("", ["500", "500", "500", "500"]),
        ("QUIT", ["221", "221", "221", "221"]),
    ];
    let states: [&[&str]; 4] = [&[], &[EHLO], &[EHLO, MAIL], &[EHLO, MAIL, RCPT]];
    for (command, codes) in table {
        for (state, code) in states.iter().zip(codes) {
            let line = format!("{command}\r\n");
            let talk = talk(settings(), &[state, &[line.as_str()][..]].concat(), 1_000);
            assert_eq!(talk.codes().last(), Some(&code), "{command:?} after {state:?}");
        }
    }
}

#[test]
fn what_a_command_forgets_is_forgotten() {
    for forgetting in ["RSET\r\n", EHLO, "HELO peer.example\r\n"] {
        let talk = talk(settings(), &[EHLO, MAIL, RCPT, forgetting, "DATA\r\n", MAIL, "DATA\r\n"], 1_000);
        assert_eq!(talk.codes()[3..], ["250", "503", "250", "554"], "{forgetting:?}");
    }
    let talk = talk(settings(), &[EHLO, MAIL, RCPT, "STARTTLS\r\n", MAIL, EHLO, RCPT, "STARTTLS\r\n"], 1_000);
    assert_eq!(talk.codes()[3..], ["220", "503", "250", "503", "502"]);
    assert_eq!(talk.replies.matches("STARTTLS\r\n").count(), 1, "it is not announced a second time");
}

#[test]
fn a_whole_session_gives_the_same_replies_and_mails_however_it_is_cut() {
    let group = [MAIL, RCPT, "RCPT TO:<b+2@bounce.example.jp>\r\n", RCPT, "RCPT TO:<x@y.jp>\r\n", "DATA\r\n"].concat();
    let groups: [&[u8]; 9] = [
        EHLO.as_bytes(),
        group.as_bytes(),
        b"Subject: x\r\n\r\n..\r\n.a\r\n.\r\nNOOP\r\nMAIL FROM:<a..b.@docomo.ne.jp>\r\nRCPT TO:<postmaster>\r\nDATA\r\n",
        b".\r\n",
        b"MAIL FROM:<\"odd one\"@example.jp>\r\nRCPT TO:<b+3@bounce.example.jp>\r\nDATA\r\n",
        b"a\r\n.\r\n",
        b"bad\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<b+4@bounce.example.jp>\r\nDATA\r\n",
        b"a\nb\r\n.\r\nMAIL FROM:<>\r\n",
        b"NOOP\r\n",
    ];
    let whole = talk(settings(), &groups, usize::MAX);
    let codes = "250 250 250 250 250 550 354 250 250 250 250 354 250 250 250 354 250 500 250 250 250 354 550";
    assert_eq!(whole.codes().join(" "), codes);
    assert_eq!(whole.why, Some(Why::BareLineEnd));
    let address = |text: &str| text.parse::<EmailAddress>().unwrap();
    let expected = [
        (
            ReversePath::Null,
            vec![address("b+1@bounce.example.jp"), address("b+2@bounce.example.jp")],
            b"Subject: x\r\n\r\n.\r\na\r\n".to_vec(),
        ),
        (ReversePath::Address(address("a..b.@docomo.ne.jp")), vec![address("postmaster@mx.example.jp")], vec![]),
        (
            ReversePath::Other("\"odd one\"@example.jp".into()),
            vec![address("b+3@bounce.example.jp")],
            b"a\r\n".to_vec(),
        ),
    ];
    assert_eq!(whole.mails, expected);
    for size in 1..group.len() {
        assert_eq!(talk(settings(), &groups, size), whole, "by {size}");
    }
    for at in 1..group.len() {
        let cut = |group: &[u8]| {
            let (left, right) = group.split_at(at.min(group.len()));
            vec![left.to_vec(), right.to_vec()]
        };
        assert_eq!(talk_in(settings(), &groups, cut), whole, "cut at {at}");
    }
}

#[test]
fn who_does_not_wait_for_a_reply_that_counts_is_sent_away() {
    for early in
        ["EHLO a\r\nMAIL FROM:<>\r\n", "HELO a\r\nNOOP\r\n", "STARTTLS\r\nEHLO a\r\n", "DATA\r\nSubject: a\r\n"]
    {
        let talk = talk(settings(), &[early], usize::MAX);
        assert_eq!((talk.codes(), talk.why), (vec!["554"], Some(Why::Pipelining)), "{early:?}");
    }
    let hasty = talk(settings(), &[EHLO, MAIL, RCPT, "DATA\r\nSubject: a\r\n\r\n.\r\nQUIT\r\n"], usize::MAX);
    assert_eq!((hasty.codes().last(), hasty.mails.len()), (Some(&"554"), 0));
}

#[test]
fn what_counts_against_a_peer_ends_its_session() {
    let mut limits = settings();
    (limits.bad_commands_max, limits.useless_commands_max, limits.unknown_recipients_max) = (3, 4, 2);
    (limits.messages_per_session_max, limits.recipients_max) = (2, 2);
    let ends = |groups: &[&str]| {
        let talk = talk(limits.clone(), groups, usize::MAX);
        (talk.codes().last().copied().map(str::to_owned), talk.why)
    };
    let gone = |why| (Some("421".to_owned()), Some(why));
    assert_eq!(ends(&["x\r\nx\r\nx\r\nNOOP\r\n"]), gone(Why::BadCommands));
    assert_eq!(ends(&["NOOP\r\n", "RSET\r\n", "HELP\r\n", "VRFY a\r\nNOOP\r\nNOOP\r\n"]), gone(Why::UselessCommands));
    let stranger = "RCPT TO:<x@bounce.example.jp>\r\n";
    assert_eq!(ends(&[EHLO, MAIL, stranger, "RSET\r\n", MAIL, stranger, stranger]), gone(Why::UnknownRecipients));
    let mail = [MAIL, RCPT, "DATA\r\n", ".\r\n"];
    assert_eq!(ends(&[&[EHLO], &mail[..], &mail, &mail].concat()), gone(Why::Mails));
    assert_eq!(ends(&[&[EHLO], &mail[..], &mail, &["RSET\r\n"]].concat()), gone(Why::Mails));
    assert_eq!(ends(&[&[EHLO], &mail[..], &mail, &["QUIT\r\n"]].concat()), (Some("221".to_owned()), Some(Why::Quit)));
    let third = "RCPT TO:<b+3@bounce.example.jp>\r\n";
    let many = [EHLO, MAIL, RCPT, "RCPT TO:<b+2@bounce.example.jp>\r\n", third, third, "NOOP\r\n"];
    assert_eq!(ends(&many), (Some("250".to_owned()), None), "too many recipients end nothing");
    assert_eq!(talk(limits.clone(), &many, usize::MAX).codes()[4..], ["452", "452", "250"]);
}

#[test]
fn a_hundred_thousand_recipients_cost_a_reply_each() {
    let mut groups = vec![EHLO.to_owned(), MAIL.to_owned()];
    groups.extend((0..100_000).map(|n| format!("RCPT TO:<b+{n}@bounce.example.jp>\r\n")));
    groups.extend(["DATA\r\n".to_owned(), "a\r\n.\r\n".to_owned()]);
    let talk = talk(settings(), &groups, usize::MAX);
    assert_eq!(talk.codes().iter().filter(|code| **code == "452").count(), 99_900);
    assert_eq!(talk.mails[0].1.len(), 100);
}

proptest! {
    #[test]
    fn any_session_gives_the_same_replies_however_it_is_cut(
        picks in prop::collection::vec(0usize..22, 0..40),
        sizes in prop::collection::vec(1usize..9, 1..6),
    ) {
        let lines = [
            EHLO, "HELO a\r\n", MAIL, RCPT, "RCPT TO:<postmaster>\r\n", "RCPT TO:<x@y.jp>\r\n", "DATA\r\n", "RSET\r\n",
            "NOOP\r\n", "QUIT\r\n", "STARTTLS\r\n", "BDAT 4\r\n", "a\r\n.\r\n", ".\r\n", "\r\n.\r\n", "..\r\n.\r\n",
            "a\nb\r\n.\r\n", "a\r.\r\n", "\0\r\n", "\r\r\n.\r\n", "MAIL FROM:<a..b.@docomo.ne.jp> SIZE=999\r\n",
            ".\r\nNOOP\r\n",
        ];
        let groups: Vec<&str> = picks.iter().map(|&pick| lines[pick]).collect();
        let whole = talk(settings(), &groups, usize::MAX);
        let cut = |group: &[u8]| {
            let mut rest = group;
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = behind;
            }
            pieces
        };
        prop_assert_eq!(talk_in(settings(), &groups, cut), whole);
    }

    #[test]
    fn no_bytes_are_too_strange(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b'.')], 0..400),
        size in 1usize..50,
        in_content in any::<bool>(),
    ) {
        let before: &[&str] = if in_content { &[EHLO, MAIL, RCPT, "DATA\r\n"] } else { &[EHLO] };
        let groups: Vec<&[u8]> = before.iter().map(|group| group.as_bytes()).chain([&bytes[..]]).collect();
        let talk = talk(settings(), &groups, size);
        prop_assert!(talk.mails.len() <= 1);
    }
}
