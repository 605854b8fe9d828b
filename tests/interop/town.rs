//! The surroundings of these tests: scripted carriers behind a mail server of other makers, a name server at port 53.

use std::net::SocketAddr;

use anyhow::Result;
use mail_model::CarrierName;
use testkit::{CarrierPlan, EngineSettings, InboundSettings, World, WorldPlan, preset};
use todoke_tests::returns::{DNS_PORT, free_name_server};
use todoke_tests::{PeerPlan, Scene, enclosure};

/// The carriers of every town, each with its own words; a local part's prefix chooses what becomes of its mail.
pub const CARRIERS: [(&str, &str); 3] =
    [("docomo", "docomo.ne.jp"), ("au", "ezweb.ne.jp"), ("softbank", "softbank.ne.jp")];
/// The domain whose mailboxes the mail server itself keeps.
pub const OWN_DOMAIN: &str = "sakura.example.jp";
/// A domain that does not exist.
pub const GONE_DOMAIN: &str = "gone.invalid";
/// Mails that carriers keep for the test to look at.
const KEPT: usize = 200;

/// Whether these tests can run here; says why when they cannot.
pub fn may_run() -> bool {
    let obstacle = enclosure::obstacle();
    if let Some(why) = obstacle {
        eprintln!("{why}");
    }
    obstacle.is_none()
}

/// Starts the carriers of [`CARRIERS`] and `more`.
pub async fn carriers(more: impl IntoIterator<Item = CarrierPlan>) -> Result<World> {
    let own = CARRIERS.iter().filter_map(|(name, _)| preset(name));
    let mut plan = WorldPlan::of(own.chain(more)).flawless().unlimited();
    plan.keep_mails = KEPT;
    plan.dns.listen = Some(SocketAddr::from((free_name_server()?, DNS_PORT)));
    Ok(World::start(plan).await?)
}

/// A carrier that takes everything for one domain.
pub fn collector(name: &str, domain: &str) -> Result<CarrierPlan> {
    let mut plan = CarrierPlan::for_tests(name, domain);
    plan.name = CarrierName::new(name)?;
    Ok(plan)
}

/// A mail server that passes mail for all carriers of `world` on to them.
pub fn relay(world: &World) -> PeerPlan {
    let name_server = match world.dns().address() {
        SocketAddr::V4(v4) => *v4.ip(),
        SocketAddr::V6(_) => todoke_tests::returns::NO_NAME_SERVER,
    };
    let mut plan = PeerPlan::new("mx.relay.example", name_server);
    for carrier in world.carriers() {
        for domain in carrier.domains().iter().filter(|domain| !domain.contains('*')) {
            plan = plan.route(domain, carrier.address());
        }
    }
    plan
}

/// An engine that sends all its mail to `receiver` and listens at `inbound`.
pub async fn engine(
    world: World,
    inbound: &InboundSettings,
    receiver: SocketAddr,
    adjust: impl FnOnce(&mut EngineSettings),
) -> Result<Scene> {
    let mut settings = EngineSettings::for_world(&world);
    settings.inbound = Some(inbound.clone());
    settings.extra = format!("[[routes]]\ndomain = \"*\"\nto = \"{receiver}\"\n");
    adjust(&mut settings);
    Scene::around(world, &settings).await
}
