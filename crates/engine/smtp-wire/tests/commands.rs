//! Command lines as a server reads them: what is taken, what is refused, whatever the cuts.

use bytes::BytesMut;
use smtp_wire::command::{write_data, write_mail, write_rcpt};
use smtp_wire::server_command::COMMAND_BYTES_MAX;
use smtp_wire::{CommandFault, CommandReader, MailParameters, ServerCommand};

type Outcome = Result<ServerCommand, CommandFault>;

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Outcome> {
    let mut reader = CommandReader::new();
    let mut buffer = BytesMut::new();
    let mut commands = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(outcome) = reader.feed(&mut buffer) {
            commands.push(outcome);
        }
    }
    commands
}

fn read_every_way(wire: &[u8]) -> Vec<Outcome> {
    let whole = read([wire]);
    assert_eq!(read(wire.chunks(1)), whole, "{}", wire.escape_ascii());
    for cut in 1..wire.len() {
        assert_eq!(read([&wire[..cut], &wire[cut..]]), whole, "{} cut at {cut}", wire.escape_ascii());
    }
    whole
}

fn mail(sender: Option<&str>, size: Option<u64>, eight_bit: bool) -> Outcome {
    let sender = sender.map(|text| text.parse().unwrap());
    Ok(ServerCommand::Mail { sender, parameters: MailParameters { size, eight_bit, smtputf8: false } })
}

#[test]
fn command_lines_mean_what_the_table_says_however_they_are_cut() {
    use CommandFault::*;
    let rcpt = |text: &str| Ok(ServerCommand::Rcpt(text.parse().unwrap()));
    let table: Vec<(&[u8], Outcome)> = vec![
        (b"EHLO mx.example.jp", Ok(ServerCommand::Ehlo("mx.example.jp".into()))),
        (b"helo [127.0.0.1]", Ok(ServerCommand::Helo("[127.0.0.1]".into()))),
        (b"EHLO", Err(Syntax)),
        (b"EHLO two names", Err(Syntax)),
        (b"MAIL FROM:<>", mail(None, None, false)),
        (b"mail from:<a@example.jp> size=4096 body=8bitmime", mail(Some("a@example.jp"), Some(4_096), true)),
        (b"MAIL FROM: <a@example.jp> BODY=7BIT", mail(Some("a@example.jp"), None, false)),
        (b"MAIL FROM:<a@example.jp> SIZE=x", Err(Parameter)),
        (b"MAIL FROM:<a@example.jp> SIZE=99999999999999999999", Err(Parameter)),
        (b"MAIL FROM:<a@example.jp> SMTPUTF8", Err(Parameter)),
        (b"MAIL FROM:<a@example.jp>SIZE=1", Err(Syntax)),
        (b"MAIL FROM:a@example.jp", Err(Syntax)),
        (b"MAIL FROM:<a@example.jp", Err(Syntax)),
        (b"MAIL TO:<a@example.jp>", Err(Syntax)),
        (b"MAIL", Err(Syntax)),
        (b"RCPT TO:<a..b@docomo.ne.jp>", rcpt("a..b@docomo.ne.jp")),
        (b"RCPT TO:<\"a..b\"@docomo.ne.jp>", rcpt("\"a..b\"@docomo.ne.jp")),
        (b"RCPT TO:<>", Err(Mailbox)),
        (b"RCPT TO:<a@b@>", Err(Mailbox)),
        (b"RCPT TO:<@x,@y:a@docomo.ne.jp>", Err(Mailbox)),
        (b"RCPT TO:<a@docomo.ne.jp> NOTIFY=NEVER", Err(Parameter)),
        (b"DATA", Ok(ServerCommand::Data)),
        (b"DATA now", Err(Syntax)),
        (b"rset ", Ok(ServerCommand::Rset)),
        (b"NOOP anything", Ok(ServerCommand::Noop)),
        (b"QUIT", Ok(ServerCommand::Quit)),
        (b"StartTLS", Ok(ServerCommand::StartTls)),
        (b"VRFY someone", Ok(ServerCommand::Vrfy)),
        (b"BDAT 10 LAST", Ok(ServerCommand::Other)),
        (b"", Ok(ServerCommand::Other)),
        (b"NOOP \0", Err(ForbiddenByte)),
        (b"NOOP \x1b[2J", Err(ForbiddenByte)),
        ("MAIL FROM:<太郎@example.jp>".as_bytes(), Err(ForbiddenByte)),
        (b"NOOP\rQUIT", Err(BareLineEnd)),
        (b"MAIL FROM:<a@example.jp\r>", Err(BareLineEnd)),
    ];
    for (line, expected) in table {
        let wire = [line, b"\r\n"].concat();
        assert_eq!(read_every_way(&wire), [expected], "{}", line.escape_ascii());
    }
}

#[test]
fn a_bare_line_feed_neither_ends_a_command_nor_hides_one() {
    let outcomes = read_every_way(b"NOOP\nQUIT\r\nRSET\r\n");
    // The first line is refused as a whole; what follows is read afresh and never as its argument.
    assert_eq!(outcomes, [Err(CommandFault::BareLineEnd), Ok(ServerCommand::Quit), Ok(ServerCommand::Rset)]);
}

#[test]
fn a_line_that_is_too_long_is_refused_once_and_the_next_one_is_read() {
    let longest = format!("NOOP {}\r\n", "x".repeat(COMMAND_BYTES_MAX - 5));
    let table = [
        (longest.clone(), Ok(ServerCommand::Noop)),
        (longest.replace("NOOP", "NOOPX"), Err(CommandFault::LineTooLong)),
        (format!("NOOP {}\r\n", "x".repeat(100_000)), Err(CommandFault::LineTooLong)),
    ];
    for (line, expected) in table {
        let wire = format!("{line}RSET\r\n").into_bytes();
        for size in [1, 7, 1_000, wire.len()] {
            assert_eq!(read(wire.chunks(size)), [expected.clone(), Ok(ServerCommand::Rset)], "by {size}");
        }
    }
}

#[test]
fn a_server_reads_what_our_client_writes() {
    let sender = "b+1@bounce.example.jp".parse().unwrap();
    let recipient = ".taro..@ezweb.ne.jp".parse().unwrap();
    let parameters = MailParameters { size: Some(123), eight_bit: true, smtputf8: false };
    let mut wire = BytesMut::new();
    write_mail(&mut wire, Some(&sender), parameters);
    write_rcpt(&mut wire, &recipient, false);
    write_data(&mut wire);
    let expected = [
        Ok(ServerCommand::Mail { sender: Some(sender), parameters }),
        Ok(ServerCommand::Rcpt(recipient)),
        Ok(ServerCommand::Data),
    ];
    assert_eq!(read_every_way(&wire), expected);
}

#[test]
fn every_fault_has_a_refusal_to_say() {
    use CommandFault::*;
    for fault in [LineTooLong, BareLineEnd, ForbiddenByte, Syntax, Mailbox, Parameter, NeedsUtf8] {
        let reply = fault.reply();
        assert!(["50", "553", "555"].iter().any(|code| reply.starts_with(code)), "{fault}");
    }
}
