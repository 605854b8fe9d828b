//! From a plan to a session that can take its first mail.

use bytes::BytesMut;
use mail_model::Stage;
use mail_send::SmtpClient;
use smtp_wire::{Capabilities, EhloName, command, ehlo_capabilities};
use tls_policy::{FailureType, TlsResult};
use tokio::net::TcpStream;

use crate::failure::{Failure, Scope, TlsFault, Trouble};
use crate::line::Line;
use crate::manner::Manner;
use crate::plan::ConnectPlan;
use crate::session::Session;
use crate::stream::Stream;
use crate::tls::{Tls, TlsFacts};

/// A failed attempt, and whether one in clear may follow it.
struct Setback {
    failure: Failure,
    may_go_clear: bool,
}

impl Setback {
    fn at(stage: Stage, trouble: Trouble) -> Self {
        Self { failure: Failure::new(stage, Scope::Destination, trouble), may_go_clear: false }
    }
}

/// Opens a session: TCP, greeting, EHLO (HELO for servers that do not know it), TLS as the plan demands.
///
/// Where nothing but [`crate::TlsPolicy::Opportunistic`] asks for TLS, a failed handshake is followed by one new
/// connection without it. A demand that this host cannot meet whatever it shows is a failure without a connection. Every
/// failure has the scope [`Scope::Destination`].
pub async fn connect(plan: &ConnectPlan, tls: &Tls) -> Result<Session, Failure> {
    let name: EhloName = plan.ehlo_name.parse().map_err(|error: smtp_wire::EhloNameError| {
        Failure::new(Stage::Ehlo, Scope::Destination, Trouble::Protocol(error.to_string()))
    })?;
    let manner =
        Manner::of(plan).map_err(|fault| Failure::new(Stage::StartTls, Scope::Destination, Trouble::Tls(fault)))?;
    let handshake_failure = match attempt(plan, &name, &manner, tls).await {
        Ok(session) => return Ok(session),
        Err(setback) if setback.may_go_clear && manner.may_go_clear() => setback.failure,
        Err(setback) => return Err(setback.failure),
    };
    let session = attempt(plan, &name, &Manner::Clear, tls).await.map_err(|setback| setback.failure)?;
    Ok(session.after_failed_tls(handshake_failure))
}

async fn attempt(plan: &ConnectPlan, name: &EhloName, manner: &Manner, tls: &Tls) -> Result<Session, Setback> {
    let tcp = dial(plan).await.map_err(|trouble| Setback::at(Stage::Connect, trouble))?;
    let mut line = Line::new(Stream::Clear(tcp));
    let greeting = line.reply(plan.timeouts.greeting).await.map_err(|t| Setback::at(Stage::Greeting, t))?;
    if let Some(failure) = Failure::judge(Stage::Greeting, &greeting) {
        return Err(Setback { failure, may_go_clear: false });
    }
    let capabilities = introduce(&mut line, plan, name).await?;
    if matches!(manner, Manner::Clear) {
        return Ok(Session::new(line, capabilities, plan.timeouts));
    }
    let unsupported = TlsResult::Failure(FailureType::StarttlsNotSupported);
    if !capabilities.starttls {
        if manner.may_go_clear() {
            return Ok(Session::new(line, capabilities, plan.timeouts).with_tls_result(unsupported));
        }
        let why = "the server does not offer STARTTLS".to_owned();
        let fault = TlsFault { result: FailureType::StarttlsNotSupported, why };
        return Err(Setback::at(Stage::StartTls, Trouble::Tls(fault)));
    }
    if !ask_for_tls(&mut line, plan, manner).await? {
        return Ok(Session::new(line, capabilities, plan.timeouts).with_tls_result(unsupported));
    }
    let (mut line, facts, result) = shake_hands(line, plan, manner, tls).await?;
    // A server that dislikes what it saw in the handshake says so only now (TLS 1.3): that too is a failed handshake.
    let capabilities = introduce(&mut line, plan, name).await.map_err(|setback| Setback {
        may_go_clear: !matches!(setback.failure.trouble, Trouble::Reply(_)),
        ..setback
    })?;
    Ok(Session::new(line, capabilities, plan.timeouts).in_tls(facts).with_tls_result(result))
}

async fn dial(plan: &ConnectPlan) -> Result<TcpStream, Trouble> {
    let limit = plan.timeouts.connect;
    let client = match plan.source_ip {
        Some(source) if source.is_ipv4() != plan.remote.is_ipv4() => return Err(Trouble::SourceUnusable),
        Some(source) => SmtpClient::connect_using(source, plan.remote, limit).await,
        None => SmtpClient::connect(plan.remote, limit).await,
    };
    let tcp = client.map_err(trouble_of)?.stream;
    // Without it the kernel holds a small write back until the reply to the one before is acknowledged.
    tcp.set_nodelay(true).map_err(|error| Trouble::from_io(&error))?;
    Ok(tcp)
}

/// EHLO, or HELO when the server refuses EHLO for good; gives what the server announces.
async fn introduce(line: &mut Line, plan: &ConnectPlan, name: &EhloName) -> Result<Capabilities, Setback> {
    let mut out = BytesMut::new();
    command::write_ehlo(&mut out, name);
    let ehlo = ask(line, plan, Stage::Ehlo, &out).await?;
    if ehlo.reply.is_positive() {
        return Ok(ehlo_capabilities(ehlo.lines.iter().map(String::as_str)));
    }
    if !ehlo.reply.is_permanent() {
        return refused(Stage::Ehlo, &ehlo.reply);
    }
    out.clear();
    command::write_helo(&mut out, name);
    let helo = ask(line, plan, Stage::Ehlo, &out).await?;
    if helo.reply.is_positive() { Ok(Capabilities::default()) } else { refused(Stage::Ehlo, &helo.reply) }
}

fn refused<T>(stage: Stage, reply: &mail_model::Reply) -> Result<T, Setback> {
    let odd = || Failure::new(stage, Scope::Destination, Trouble::Reply(reply.clone()));
    Err(Setback { failure: Failure::judge(stage, reply).unwrap_or_else(odd), may_go_clear: false })
}

/// STARTTLS; `false` when the server refuses it and the session may go on in clear.
async fn ask_for_tls(line: &mut Line, plan: &ConnectPlan, manner: &Manner) -> Result<bool, Setback> {
    let mut out = BytesMut::new();
    command::write_starttls(&mut out);
    let answer = ask(line, plan, Stage::StartTls, &out).await.map_err(|setback| Setback {
        // Some firewalls drop the connection at the very word.
        may_go_clear: matches!(setback.failure.trouble, Trouble::Closed | Trouble::Reset | Trouble::TimedOut),
        ..setback
    })?;
    match answer.reply.code {
        200..300 => Ok(true),
        code if code == 421 || !manner.may_go_clear() => refused(Stage::StartTls, &answer.reply),
        _ => Ok(false),
    }
}

async fn shake_hands(
    line: Line,
    plan: &ConnectPlan,
    manner: &Manner,
    tls: &Tls,
) -> Result<(Line, TlsFacts, TlsResult), Setback> {
    let (stream, has_leftovers) = line.into_parts();
    let Stream::Clear(tcp) = stream else {
        return Err(Setback::at(Stage::StartTls, Trouble::Protocol("the session is in TLS already".to_owned())));
    };
    // Somebody on the way has put bytes behind the 220, to be read as if they came through TLS. Going on in clear would
    // reward him.
    if has_leftovers {
        let trouble = Trouble::Protocol("bytes in clear follow the reply to STARTTLS".to_owned());
        return Err(Setback::at(Stage::StartTls, trouble));
    }
    let handshake = tls.handshake(manner).map_err(|trouble| Setback::at(Stage::StartTls, trouble))?;
    let client = SmtpClient { stream: tcp, timeout: plan.timeouts.starttls };
    let host = tls_name(plan, manner);
    let client = client
        .into_tls(&handshake.connector, &host)
        .await
        .map_err(|error| Setback { may_go_clear: true, ..Setback::at(Stage::StartTls, trouble_of(error)) })?;
    let facts = TlsFacts::of(client.tls_connection(), manner);
    let seen = handshake.seen.and_then(|seen| seen.get().copied());
    let misplaced = match manner {
        Manner::Watched(names) if !names.admits(&plan.mx_host) => Some(FailureType::ValidationFailure),
        _ => None,
    };
    let result = misplaced.or(seen).map_or(TlsResult::Success, TlsResult::Failure);
    Ok((Line::new(Stream::Tls(Box::new(client.stream))), facts, result))
}

/// The name for SNI and the certificate; the address when the MX's name is not one TLS can carry.
fn tls_name(plan: &ConnectPlan, manner: &Manner) -> String {
    let host = match manner {
        // RFC 7672 8.1: the name that has the records, which an alias leads to.
        Manner::Dane { names, .. } => names.first().map_or(plan.mx_host.as_str(), String::as_str),
        _ => plan.mx_host.trim_end_matches('.'),
    };
    if rustls::pki_types::ServerName::try_from(host).is_ok() { host.to_owned() } else { plan.remote.ip().to_string() }
}

async fn ask(line: &mut Line, plan: &ConnectPlan, stage: Stage, out: &[u8]) -> Result<smtp_wire::ParsedReply, Setback> {
    if let Some(trouble) = line.overheard().await {
        return Err(Setback::at(stage, trouble));
    }
    line.send(&[], out, plan.timeouts.data_block).await.map_err(|unsent| Setback::at(stage, unsent.trouble))?;
    line.reply_with_lines(plan.timeouts.of(stage)).await.map_err(|trouble| Setback::at(stage, trouble))
}

fn trouble_of(error: mail_send::Error) -> Trouble {
    match error {
        mail_send::Error::Io(error) => Trouble::from_io(&error),
        mail_send::Error::Timeout => Trouble::TimedOut,
        mail_send::Error::Tls(error) => Trouble::Tls(TlsFault::of(&error)),
        mail_send::Error::InvalidTLSName => {
            Trouble::Tls(TlsFault::other("the server's name cannot be used for TLS".to_owned()))
        }
        // mail-send's connecting and upgrading make no others; whatever a later version adds is no reply.
        other => Trouble::Protocol(other.to_string()),
    }
}
