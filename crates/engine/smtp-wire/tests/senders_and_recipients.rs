//! Paths of MAIL and RCPT as strangers write them: no report is lost for an odd sender, no odd recipient looks like ours.

use smtp_wire::client_command::parse;
use smtp_wire::{ClientCommand, CommandFault, ForwardPath, MailCommand, ReversePath};

fn sender_of(line: &str) -> Result<ReversePath, CommandFault> {
    match parse(line.as_bytes()) {
        Ok(ClientCommand::Mail(MailCommand { sender, .. })) => Ok(sender),
        Ok(other) => panic!("{line:?} is {other:?}"),
        Err(fault) => Err(fault),
    }
}

#[test]
fn every_sender_is_taken_and_only_those_we_could_answer_are_addresses() {
    let address = |text: &str| Ok(ReversePath::Address(text.parse().unwrap()));
    let other = |text: &str| Ok(ReversePath::Other(text.into()));
    let table = [
        ("<>", Ok(ReversePath::Null)),
        ("<a..b.@docomo.ne.jp>", address("a..b.@docomo.ne.jp")),
        ("<\"a..b.\"@docomo.ne.jp>", address("\"a..b.\"@docomo.ne.jp")),
        ("<-._x@ezweb.ne.jp>", address("-._x@ezweb.ne.jp")),
        ("<@relay.example.jp,@mx.example.jp:taro@example.jp>", address("taro@example.jp")),
        ("<@broken>", other("@broken")),
        ("<taro>", other("taro")),
        ("<taro@[192.0.2.1]>", other("taro@[192.0.2.1]")),
        ("<taro@example.jp.>", other("taro@example.jp.")),
        ("<\"taro yamada\"@example.jp>", other("\"taro yamada\"@example.jp")),
        ("<\"a>b\"@example.jp>", other("\"a>b\"@example.jp")),
        ("<\"a\\\">b\"@example.jp>", other("\"a\\\">b\"@example.jp")),
        ("<a\"b@example.jp>", other("a\"b@example.jp")),
        ("<a b@example.jp>", other("a b@example.jp")),
        ("<太郎@example.jp> SMTPUTF8", address("太郎@example.jp")),
        ("<taro@例え.jp> SMTPUTF8", address("taro@xn--r8jz45g.jp")),
        ("<太郎@[192.0.2.1]> SMTPUTF8", other("太郎@[192.0.2.1]")),
        ("<a\u{202e}b@example.jp> SMTPUTF8", other("a\\u{202e}b@example.jp")),
        ("<太郎@example.jp>", Err(CommandFault::NeedsUtf8)),
        ("<太郎\u{85}@example.jp> SMTPUTF8", Err(CommandFault::ForbiddenByte)),
        ("<a@example.jp> SMTPUTF8=YES", Err(CommandFault::Parameter)),
        ("<a@example.jp> BODY=BINARYMIME", Err(CommandFault::Parameter)),
        ("<a@example.jp> RET=HDRS ENVID=1", Err(CommandFault::Parameter)),
        ("<a@example.jp> AUTH=<>", Err(CommandFault::Parameter)),
        ("<a@example.jp>>", Err(CommandFault::Syntax)),
        ("a@example.jp", Err(CommandFault::Syntax)),
    ];
    for (path, expected) in table {
        assert_eq!(sender_of(&format!("MAIL FROM:{path}")), expected, "{path}");
        assert_eq!(sender_of(&format!("mail from: {path}")), expected, "{path}");
    }
    let longest = format!("<{}@example.jp>", "a".repeat(900));
    assert!(matches!(sender_of(&format!("MAIL FROM:{longest}")), Ok(ReversePath::Other(_))));
}

#[test]
fn the_parameters_of_mail_are_read_and_the_last_word_counts() {
    let line = b"MAIL FROM:<> SIZE=10485760  BODY=8BITMIME SMTPUTF8";
    let expected = MailCommand { sender: ReversePath::Null, size: Some(10_485_760), eight_bit: true, smtp_utf8: true };
    assert_eq!(parse(line), Ok(ClientCommand::Mail(expected.clone())));
    let line = b"MAIL FROM:<> size=1 size=10485760 body=7bit body=8bitmime smtputf8";
    assert_eq!(parse(line), Ok(ClientCommand::Mail(expected)));
}

#[test]
fn a_recipient_is_an_address_or_the_postmaster_and_everything_else_says_so() {
    let address = |text: &str| Ok(ClientCommand::Rcpt(ForwardPath::Address(text.parse().unwrap())));
    let other = |text: &str| Ok(ClientCommand::Rcpt(ForwardPath::Other(text.into())));
    let table = [
        ("<b+1@bounce.example.jp>", address("b+1@bounce.example.jp")),
        ("<postmaster>", Ok(ClientCommand::Rcpt(ForwardPath::Postmaster))),
        ("<PostMaster>", Ok(ClientCommand::Rcpt(ForwardPath::Postmaster))),
        ("<postmaster@bounce.example.jp>", address("postmaster@bounce.example.jp")),
        ("<@relay.example.jp:b+1@bounce.example.jp>", other("@relay.example.jp:b+1@bounce.example.jp")),
        ("<a@b@bounce.example.jp>", other("a@b@bounce.example.jp")),
        ("<abuse>", other("abuse")),
        ("<太郎@bounce.example.jp>", other("太郎@bounce.example.jp")),
        ("<b+1@ｂｏｕｎｃｅ.example.jp>", other("b+1@ｂｏｕｎｃｅ.example.jp")),
        ("<>", Err(CommandFault::Mailbox)),
        ("< >", other(" ")),
        ("<b+1@bounce.example.jp> NOTIFY=NEVER", Err(CommandFault::Parameter)),
        ("<b+1@bounce.example.jp> ORCPT=rfc822;a@b", Err(CommandFault::Parameter)),
        ("b+1@bounce.example.jp", Err(CommandFault::Syntax)),
    ];
    for (path, expected) in table {
        assert_eq!(parse(format!("RCPT TO:{path}").as_bytes()), expected, "{path}");
    }
}

#[test]
fn verbs_that_are_not_offered_are_known_by_name() {
    let table = [
        ("BDAT 86 LAST", ClientCommand::Bdat),
        ("bdat", ClientCommand::Bdat),
        ("BDAT -1", ClientCommand::Bdat),
        ("AUTH PLAIN AGEAYg==", ClientCommand::NotOffered),
        ("EXPN staff", ClientCommand::NotOffered),
        ("HELP", ClientCommand::Help),
        ("GET / HTTP/1.1", ClientCommand::Other),
        ("", ClientCommand::Other),
    ];
    for (line, expected) in table {
        assert_eq!(parse(line.as_bytes()), Ok(expected), "{line}");
    }
    for line in ["NOOP 宛先", "EHLO 例え.jp", "宛先"] {
        assert_eq!(parse(line.as_bytes()), Err(CommandFault::ForbiddenByte), "{line}");
    }
}

#[test]
fn nobody_is_given_away_by_debug_output() {
    for line in
        ["MAIL FROM:<taro yamada@example.jp>", "RCPT TO:<taro@yamada@example.jp>", "RCPT TO:<taro@docomo.ne.jp>"]
    {
        let shown = format!("{:?}", parse(line.as_bytes()));
        assert!(!shown.contains("taro") && !shown.contains("yamada"), "{shown}");
    }
}
