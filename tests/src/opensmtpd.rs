//! Debian's OpenSMTPD: mailboxes as maildirs, unknown users refused at RCPT, what it cannot pass on returned.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::enclosure::Layout;
use crate::peer_plan::PeerPlan;

/// What it finds in its enclosure. `folder` is the one shared with the test.
pub(crate) fn layout(plan: &PeerPlan, address: SocketAddr, folder: &Path) -> Result<Layout> {
    Ok(Layout {
        host: plan.host.clone(),
        name_server: plan.name_server,
        package: Some("opensmtpd"),
        users: &["opensmtpd", "opensmtpq"],
        files: vec![
            ("/etc/smtpd.conf".to_owned(), smtpd_conf(plan, address, folder)?),
            ("/etc/mailboxes".to_owned(), plan.users.iter().map(|user| format!("{user}\n")).collect()),
        ],
        folders: vec![("/var/spool/smtpd", 0o711), ("/var/lib/opensmtpd/empty", 0o755)],
        program: ["/usr/sbin/smtpd", "-d", "-v"].map(str::to_owned).to_vec(),
    })
}

fn smtpd_conf(plan: &PeerPlan, address: SocketAddr, folder: &Path) -> Result<String> {
    let mut conf = String::new();
    let mail = folder.join("mail");
    writeln!(conf, "queue ttl 1s\nbounce warn-interval 1d")?;
    writeln!(conf, "table mailboxes file:/etc/mailboxes\ntable owner {{ \"@\" = \"nobody\" }}")?;
    writeln!(conf, "listen on {} port {} hostname {}", address.ip(), address.port(), plan.host)?;
    writeln!(conf, "action \"keep\" maildir \"{}/%{{rcpt}}\" virtual <owner>", mail.display())?;
    writeln!(conf, "action \"look up\" relay")?;
    for (number, (_, next_hop)) in plan.routes.iter().enumerate() {
        writeln!(conf, "action \"route {number}\" relay host \"smtp+notls://{next_hop}\"")?;
    }
    for domain in &plan.domains {
        writeln!(conf, "match from any for domain \"{domain}\" rcpt-to <mailboxes> action \"keep\"")?;
        writeln!(conf, "match from any for domain \"{domain}\" reject")?;
    }
    for (number, (domain, _)) in plan.routes.iter().enumerate() {
        writeln!(conf, "match from any for domain \"{domain}\" action \"route {number}\"")?;
    }
    if !plan.routes.is_empty() {
        writeln!(conf, "match from any for any action \"look up\"")?;
    }
    Ok(conf)
}
