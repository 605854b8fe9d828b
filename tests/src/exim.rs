//! Debian's Exim: mailboxes as maildirs, a quota that a full one has used up, what it cannot deliver at once returned.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::enclosure::Layout;
use crate::peer_plan::PeerPlan;

/// It delivers as root and calls itself for that; `ops/setup` unpacks it without that right.
const START: &str = "chmod u+s /usr/sbin/exim4 && exec /usr/sbin/exim4 -bdf -q1h";

/// What it finds in its enclosure. `folder` is the one shared with the test.
pub(crate) fn layout(plan: &PeerPlan, address: SocketAddr, folder: &Path) -> Result<Layout> {
    let list = |users: &[String]| users.iter().map(|user| format!("{user}: {user}\n")).collect::<String>();
    Ok(Layout {
        host: plan.host.clone(),
        name_server: plan.name_server,
        package: Some("exim4-daemon-light"),
        users: &["Debian-exim"],
        files: vec![
            // The first of the two places that Debian's Exim knows; any other would cost it its privileges.
            ("/etc/exim4/exim4.conf".to_owned(), exim_conf(plan, address, folder)?),
            ("/etc/exim4/mailboxes".to_owned(), list(&plan.users)),
            ("/etc/exim4/full".to_owned(), list(&plan.full)),
        ],
        folders: vec![("/var/spool/exim4", 0o777)],
        program: ["/bin/sh", "-c", START].map(str::to_owned).to_vec(),
    })
}

fn exim_conf(plan: &PeerPlan, address: SocketAddr, folder: &Path) -> Result<String> {
    let mut conf = format!(
        "exim_user = Debian-exim\nexim_group = Debian-exim\nprimary_hostname = {}\nspool_directory = /var/spool/exim4\n\
         log_file_path = {}\npid_file_path = /var/spool/exim4/pid\n\
         local_interfaces = {}\ndaemon_smtp_ports = {}\ntls_advertise_hosts =\nhost_lookup =\n\
         rfc1413_query_timeout = 0s\nacl_smtp_rcpt = rcpt\nacl_smtp_data = data\ndomainlist here = {}\n\
         begin acl\nrcpt:\n  {}accept\ndata:\n  accept\nbegin routers\n",
        plan.host,
        folder.join("log/exim-%s").display(),
        address.ip(),
        address.port(),
        plan.domains.join(" : "),
        if plan.takes_unknown { "" } else { "deny domains = +here\n       !verify = recipient\n  " },
    );
    for (number, (domain, next_hop)) in plan.routes.iter().enumerate() {
        writeln!(
            conf,
            "route_{number}:\n  driver = manualroute\n  domains = {domain}\n  \
             route_list = * {}::{} byname\n  self = send\n  transport = smtp",
            next_hop.ip(),
            next_hop.port()
        )?;
    }
    // An address becomes part of a path only after it was found in a list: what came with the mail is tainted.
    for name in ["full", "mailboxes"] {
        writeln!(
            conf,
            "{name}:\n  driver = accept\n  domains = +here\n  transport = {name}\n  \
             address_data = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/{name}}}{{$value}}fail}}"
        )?;
    }
    writeln!(conf, "look_up:\n  driver = dnslookup\n  domains = ! +here\n  transport = smtp\n  no_more")?;
    let mailbox = format!(
        "  driver = appendfile\n  maildir_format\n  create_directory\n  user = nobody\n  group = nogroup\n  \
         return_path_add\n  delivery_date_add\n  envelope_to_add\n  \
         directory = {}/$address_data\n",
        folder.join("mail").display()
    );
    write!(conf, "begin transports\nsmtp:\n  driver = smtp\n  allow_localhost\n  hosts_try_dane =\n")?;
    // One byte is less than any mail.
    write!(conf, "mailboxes:\n{mailbox}full:\n{mailbox}  quota = 1\n")?;
    // No rule for retries: what fails for the moment is given up at once.
    writeln!(conf, "begin retry")?;
    Ok(conf)
}
