//! From a lane's domain to an open session: route, hosts in order, connect from the source.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bounce::TransportTrouble;
use carriers::Route;
use mail_model::{CarrierName, Lane, Stage};
use queue::{Queued, Write};
use scheduler::{Assignment, Signal};
use smtp_client::{ConnectPlan, Failure, Scope, Session, Trouble};

use crate::attempt::attempt;
use crate::context::Context;
use crate::desk::{Desk, End};
use crate::judge;

/// Hosts tried for one session before its first mail is deferred: the best and two others (RFC 5321 5.1).
const HOSTS_TRIED_MAX: usize = 3;

/// Runs one assignment to its end.
pub(crate) async fn run(context: Arc<Context>, assignment: Assignment) {
    let Assignment { path, lane, profile, first, ticket } = assignment;
    let mut desk = Desk::new(context, path, lane, profile, ticket);
    let route = desk.context.resolver.resolve(first.address.domain()).await;
    match route {
        Route::Hosts { owner: Some(owner), .. } if desk.lane.carrier.is_other() => move_lane(&mut desk, first, owner),
        Route::Hosts { hosts, .. } => {
            let targets = hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (h.name.clone(), *a, h.port)));
            let targets: Vec<_> = targets.take(HOSTS_TRIED_MAX).collect();
            speak(&mut desk, first, &targets).await;
        }
        Route::NoDomain => no_route(&mut desk, first, TransportTrouble::DnsNoDomain),
        Route::NullMx | Route::NoMx => no_route(&mut desk, first, TransportTrouble::DnsNoMx),
        Route::Failed => no_route(&mut desk, first, TransportTrouble::DnsFailed),
        Route::Refused => no_route(&mut desk, first, TransportTrouble::AddressRefused),
    }
}

async fn speak(desk: &mut Desk, first: Box<Queued>, targets: &[(String, IpAddr, u16)]) {
    // Composed before connecting: a mail that fails by itself costs the carrier no connection.
    let Some(mail) = desk.prepare(first) else {
        desk.record(None);
        return;
    };
    match connect(desk, targets).await {
        Ok(mut session) => {
            desk.signal(Signal::ConnectOk);
            let opened = desk.context.clock.mono();
            attempt(desk, &mut session, Some(mail)).await;
            desk.tell_closed(opened, session.is_open());
            session.quit().await;
        }
        Err(failure) => {
            desk.refused(mail, &failure);
            desk.record(None);
        }
    }
}

async fn connect(desk: &mut Desk, targets: &[(String, IpAddr, u16)]) -> Result<Session, Failure> {
    let mut last = None;
    for (name, address, port) in targets {
        desk.mx_host.clone_from(name);
        let plan = ConnectPlan {
            source_ip: desk.context.source_ip(&desk.path.source),
            ehlo_name: desk.context.ehlo_name(&desk.path.source),
            remote: SocketAddr::new(*address, *port),
            mx_host: name.clone(),
            tls: desk.context.tls_policy(&desk.profile, name),
            timeouts: desk.context.timeouts(&desk.profile),
        };
        let begun = desk.context.clock.mono();
        match smtp_client::connect(&plan, &desk.context.tls).await {
            Ok(session) => {
                if session.fell_back().is_some() {
                    desk.context.remember_tls_failure(name);
                }
                desk.tell_opened(begun, session.tls().is_some());
                return Ok(session);
            }
            Err(failure) => {
                desk.tell_not_opened(&failure);
                last = Some(failure);
            }
        }
    }
    Err(last.unwrap_or(Failure { stage: Stage::Connect, scope: Scope::Destination, trouble: Trouble::Unreachable }))
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

fn no_route(desk: &mut Desk, first: Box<Queued>, trouble: TransportTrouble) {
    let not_after = desk.context.queue.message(first.id.message).and_then(|m| m.not_after);
    let case = desk.case(&first, not_after);
    let judgement = judge::no_route(&case, trouble, &mut desk.context.chance.lock());
    let end = End::without_reply(Some(Stage::Dns), desk.context.clock.mono());
    desk.settle(first, judgement, end);
    desk.record(None);
}
