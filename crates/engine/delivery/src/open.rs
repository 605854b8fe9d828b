//! From a lane's domain to an open session: route, hosts in order, what the domain demands of them, connect from the
//! source.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bounce::TransportTrouble;
use carriers::{MxHost, Route};
use mail_model::{CarrierName, Lane, MessageId, Stage};
use queue::{Queued, Write};
use scheduler::retry::Deadline;
use scheduler::{Assignment, Signal};
use smtp_client::{ConnectPlan, Demand, Failure, Scope, Session, Trouble};
use tls_policy::{FailureType, TlsResult};

use crate::attempt::attempt;
use crate::context::Context;
use crate::desk::{Desk, End, Prepared};
use crate::encryption::Met;
use crate::judge;

/// Hosts tried for one session before its first mail is deferred: the best and two others (RFC 5321 5.1).
const HOSTS_TRIED_MAX: usize = 3;

/// Why no session came about.
enum NotOpened {
    /// The host or the network.
    Failed(Failure),
    /// Every host fails what the recipient's domain demands. Nothing is wrong with the mail, nor with our path.
    Unmet { why: &'static str, failure: Option<Failure> },
}

/// Runs one assignment to its end.
pub(crate) async fn run(context: Arc<Context>, assignment: Assignment) {
    let Assignment { path, lane, profile, first, ticket } = assignment;
    let mut desk = Desk::new(context, path, lane, profile, ticket);
    let domain = first.address.domain().to_owned();
    let has_say = domain_has_say(&desk, &domain);
    match route(&desk.context, &domain, has_say).await {
        Route::Hosts { owner: Some(owner), .. } if desk.lane.carrier.is_other() => move_lane(&mut desk, first, owner),
        Route::Hosts { hosts, .. } => speak(&mut desk, first, &hosts, has_say.then_some(domain.as_str())).await,
        Route::NoDomain => no_route(&mut desk, first, TransportTrouble::DnsNoDomain),
        Route::NullMx | Route::NoMx => no_route(&mut desk, first, TransportTrouble::DnsNoMx),
        Route::Failed => no_route(&mut desk, first, TransportTrouble::DnsFailed),
        Route::Refused => no_route(&mut desk, first, TransportTrouble::AddressRefused),
    }
}

/// Whether the domain's own policy counts: not where the operator has written a route, or turned TLS off for a carrier.
fn domain_has_say(desk: &Desk, domain: &str) -> bool {
    desk.profile.tls != engine_config::TlsPolicy::Off && !desk.context.resolver.has_static_route(domain)
}

/// The domain's hosts; its policy is looked up beside them, so that a domain that is new costs one wait and not two.
async fn route(context: &Context, domain: &str, has_say: bool) -> Route {
    if !has_say {
        return context.resolver.resolve(domain).await;
    }
    let (route, ()) = tokio::join!(context.resolver.resolve(domain), context.encryption.policies.look_ahead(domain));
    route
}

async fn speak(desk: &mut Desk, first: Box<Queued>, hosts: &[MxHost], domain: Option<&str>) {
    // Composed before connecting: a mail that fails by itself costs the carrier no connection.
    let Some(mail) = desk.prepare(first) else {
        desk.record(None);
        return;
    };
    match connect(desk, hosts, domain).await {
        Ok(mut session) => {
            desk.signal(Signal::ConnectOk);
            let opened = desk.context.clock.mono();
            let mail = desk.still_good(mail);
            attempt(desk, &mut session, mail).await;
            desk.tell_closed(opened, session.is_open());
            session.quit().await;
        }
        Err(NotOpened::Failed(failure)) => {
            desk.refused(mail, &failure);
            desk.record(None);
        }
        Err(NotOpened::Unmet { why, failure }) => {
            unmet(desk, mail, why, failure.as_ref());
            desk.record(None);
        }
    }
}

/// The first host that takes a session. `domain` is the recipients', where its policy counts.
async fn connect(desk: &mut Desk, hosts: &[MxHost], domain: Option<&str>) -> Result<Session, NotOpened> {
    let (mut tried, mut last) = (0, None);
    for host in hosts {
        let demand = match domain {
            Some(domain) => desk.context.encryption.policies.demand(domain, &host.name, host.port).await,
            None => Demand::Nothing,
        };
        if let (Some(why), Some(domain)) = (barred(&demand, &host.name), domain) {
            let met = met(desk, domain, &host.name, &demand, None);
            let kind = if why == NOT_NAMED { FailureType::ValidationFailure } else { FailureType::DnssecInvalid };
            desk.context.encryption.report(met, TlsResult::Failure(kind), Some(why));
            last.get_or_insert(NotOpened::Unmet { why, failure: None });
            continue;
        }
        for address in &host.addresses {
            if tried == HOSTS_TRIED_MAX {
                break;
            }
            tried += 1;
            match connect_to(desk, host, *address, &demand, domain).await {
                Ok(session) => return Ok(session),
                Err(not_opened) => last = Some(not_opened),
            }
        }
    }
    let nobody = || Failure { stage: Stage::Connect, scope: Scope::Destination, trouble: Trouble::Unreachable };
    Err(last.unwrap_or_else(|| NotOpened::Failed(nobody())))
}

/// MTA-STS: the host is not among those of the policy.
const NOT_NAMED: &str = "mx-not-in-policy";

/// Why a host may not be connected to.
fn barred(demand: &Demand, mx_host: &str) -> Option<&'static str> {
    match demand {
        Demand::Unusable(why) => Some(why.as_str()),
        demand => (!demand.admits(mx_host)).then_some(NOT_NAMED),
    }
}

fn met<'a>(desk: &Desk, domain: &'a str, mx_host: &'a str, demand: &'a Demand, to: Option<IpAddr>) -> Met<'a> {
    let sending_ip = desk.context.source_ip(&desk.path.source);
    Met { domain, mx_host, demand, sending_ip, receiving_ip: to }
}

async fn connect_to(
    desk: &mut Desk,
    host: &MxHost,
    address: IpAddr,
    demand: &Demand,
    domain: Option<&str>,
) -> Result<Session, NotOpened> {
    desk.mx_host.clone_from(&host.name);
    let plan = ConnectPlan {
        source_ip: desk.context.source_ip(&desk.path.source),
        ehlo_name: desk.context.ehlo_name(&desk.path.source),
        remote: SocketAddr::new(address, host.port),
        mx_host: host.name.clone(),
        tls: desk.context.encryption.setting(&desk.profile, &host.name),
        demand: demand.clone(),
        timeouts: desk.context.timeouts(&desk.profile),
    };
    let begun = desk.context.clock.mono();
    let result = smtp_client::connect(&plan, &desk.context.encryption.tls).await;
    let tls_result = match &result {
        Ok(session) => session.tls_result(),
        Err(failure) => failure.tls_failure().map(TlsResult::Failure),
    };
    if let (Some(result), Some(domain)) = (tls_result, domain) {
        desk.context.encryption.report(met(desk, domain, &host.name, demand, Some(address)), result, None);
    }
    match result {
        Ok(session) => {
            if session.fell_back().is_some() {
                desk.context.encryption.remember_failure(&host.name);
            }
            desk.tell_opened(begun, session.tls().is_some());
            Ok(session)
        }
        Err(failure) => {
            desk.tell_not_opened(&failure);
            Err(match failure.tls_failure().filter(|_| !demand.is_optional()) {
                Some(kind) => NotOpened::Unmet { why: kind.as_str(), failure: Some(failure) },
                None => NotOpened::Failed(failure),
            })
        }
    }
}

/// The mail waits until its domain and its hosts agree.
fn unmet(desk: &mut Desk, mail: Prepared, why: &'static str, failure: Option<&Failure>) {
    let case = desk.case(&mail.queued, deadline(desk, mail.queued.id.message));
    let judgement = judge::policy_unmet(&case, why, &mut desk.context.chance.lock());
    // The path of a carrier that we know serves many domains, of which one is at odds with its hosts. Any other path is
    // that domain's own: sessions to it have to become fewer.
    if failure.is_some() && desk.lane.carrier.is_other() {
        desk.signal(Signal::ConnectFailed);
    }
    let stage = failure.map_or(Stage::Dns, |failure| failure.stage);
    let reply = failure.and_then(judge::reply_of).cloned();
    let end = End { stage: Some(stage), reply, in_doubt: false, begun: mail.begun };
    desk.settle(mail.queued, judgement, end);
}

/// A domain of `other` whose hosts belong to a carrier with a profile goes to that carrier's lane, under its limits.
fn move_lane(desk: &mut Desk, first: Box<Queued>, owner: CarrierName) {
    let message = desk.context.queue.message(first.id.message);
    let pool = match message {
        Some(message) if !message.pool.is_auto() => desk.lane.pool.clone(),
        _ => desk.context.directory.profile(&owner).pool.clone(),
    };
    let lane = Lane { carrier: owner, pool, ..desk.lane.clone() };
    match desk.context.queue.make_lane(&lane) {
        Ok(id) => desk.context.queue.write(Write::new().relane(first, id)),
        Err(_) => desk.context.queue.unclaim(first),
    }
}

fn deadline(desk: &Desk, message: MessageId) -> Deadline {
    desk.context.queue.message(message).map(|message| Deadline::from(&*message)).unwrap_or_default()
}

fn no_route(desk: &mut Desk, first: Box<Queued>, trouble: TransportTrouble) {
    let case = desk.case(&first, deadline(desk, first.id.message));
    let judgement = judge::no_route(&case, trouble, &mut desk.context.chance.lock());
    let end = End::without_reply(Some(Stage::Dns), desk.context.clock.mono());
    desk.settle(first, judgement, end);
    desk.record(None);
}
