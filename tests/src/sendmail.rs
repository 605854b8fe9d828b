//! Debian's Sendmail: it keeps no mailboxes, passes mail on, and returns what it cannot pass on within a second.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::enclosure::Layout;
use crate::peer_plan::PeerPlan;

/// Two mailers, because a mailer has one port: one for the engine's own listener, one for all carriers.
const MAILERS: [(&str, &str); 2] = [("relay", "RELAY_MAILER_ARGS"), ("esmtp", "ESMTP_MAILER_ARGS")];

/// What it finds in its enclosure. `folder` is the one shared with the test.
///
/// # Errors
/// When its routes lead to more than two ports, or it is to keep mailboxes.
pub(crate) fn layout(plan: &PeerPlan, address: SocketAddr, folder: &Path) -> Result<Layout> {
    ensure!(plan.users.is_empty(), "this Sendmail keeps no mailboxes");
    let start = format!(
        "cd /etc/mail && m4 sendmail.mc >sendmail.cf && \
         exec /usr/libexec/sendmail/sendmail -bD -q1s -C/etc/mail/sendmail.cf -X {}",
        folder.join("log/sendmail").display()
    );
    Ok(Layout {
        host: plan.host.clone(),
        name_server: plan.name_server,
        package: Some("sendmail"),
        users: &["smmta", "smmsp"],
        files: vec![
            ("/etc/mail/sendmail.mc".to_owned(), sendmail_mc(plan, address)?),
            ("/etc/mail/service.switch".to_owned(), "hosts files dns\n".to_owned()),
            ("/etc/mail/local-host-names".to_owned(), String::new()),
        ],
        folders: vec![("/var/spool/mqueue", 0o700)],
        program: ["/bin/sh", "-c", &start].map(str::to_owned).to_vec(),
    })
}

fn sendmail_mc(plan: &PeerPlan, address: SocketAddr) -> Result<String> {
    let mut ports: Vec<u16> = plan.routes.iter().map(|(_, next_hop)| next_hop.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    ensure!(ports.len() <= MAILERS.len(), "this Sendmail knows {} ports, not {ports:?}", MAILERS.len());
    let mut mc = format!(
        "include(`/usr/share/sendmail/cf/m4/cf.m4')\nOSTYPE(`debian')\n\
         define(`confDOMAIN_NAME', `{}')\ndefine(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')\n\
         define(`confDONT_PROBE_INTERFACES', `True')\ndefine(`confTO_IDENT', `0')\n\
         define(`confTO_QUEUERETURN', `1s')\ndefine(`confTO_QUEUEWARN', `')\n",
        plan.host
    );
    for (port, (_, arguments)) in ports.iter().zip(MAILERS) {
        writeln!(mc, "define(`{arguments}', `TCP $h {port}')")?;
    }
    writeln!(
        mc,
        "FEATURE(`nocanonify')\nFEATURE(`accept_unresolvable_domains')\nFEATURE(`promiscuous_relay')\n\
         FEATURE(`no_default_msa')\nDAEMON_OPTIONS(`Name=MTA, Addr={}, Port={}')\nMAILER(`smtp')\nLOCAL_RULE_0",
        address.ip(),
        address.port()
    )?;
    for (domain, next_hop) in &plan.routes {
        let place = ports.binary_search(&next_hop.port()).ok().context("a port of the list")?;
        let mailer = MAILERS[place].0;
        // With and without the dot that marks a domain as looked up. Columns are parted by tabs.
        for dot in [" .", ""] {
            let left = format!("R$* < @ {domain}{dot} > $*");
            writeln!(mc, "{left}\t$#{mailer} $@ [{}] $: $1 < @ {domain} > $2", next_hop.ip())?;
        }
    }
    Ok(mc)
}
