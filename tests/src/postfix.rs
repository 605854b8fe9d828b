//! Debian's Postfix: mailboxes as maildirs, or mbox files that have reached their limit; what it cannot deliver at once
//! it returns at once.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::enclosure::Layout;
use crate::peer_plan::PeerPlan;

const POSTFIX: &str = "/usr/sbin/postfix";
const MISSING: &str = "Debian's Postfix is missing; install it with `ops/setup`, or `apt-get install postfix` with \
                       the choice \"No configuration\"";
/// `nobody`, who owns the mailboxes.
const NOBODY: u32 = 65_534;
/// Largest mail; a mailbox must have room for one more byte.
const MESSAGE_BYTES_MAX: usize = 12_000_000;

/// What it finds in its enclosure. `folder` is the one shared with the test.
///
/// # Errors
/// When it is not installed.
pub(crate) fn layout(plan: &PeerPlan, address: SocketAddr, folder: &Path) -> Result<Layout> {
    ensure!(Path::new(POSTFIX).exists(), MISSING);
    let mut mailboxes = String::new();
    for user in plan.users.iter().filter(|user| !plan.full.contains(user)) {
        writeln!(mailboxes, "{user} {user}/")?;
    }
    for user in &plan.full {
        // A file and not a folder: Postfix limits the size of files only.
        let name = format!("{user}.mbox");
        let path = folder.join("mail").join(&name);
        fs::write(&path, vec![b'x'; MESSAGE_BYTES_MAX])?;
        chown(path, Some(NOBODY), Some(NOBODY))?;
        writeln!(mailboxes, "{user} {name}")?;
    }
    let mut transports = String::new();
    for (domain, next_hop) in &plan.routes {
        writeln!(transports, "{domain} smtp:[{}]:{}", next_hop.ip(), next_hop.port())?;
    }
    Ok(Layout {
        host: plan.host.clone(),
        name_server: plan.name_server,
        package: None,
        users: &[],
        files: vec![
            ("/etc/postfix/main.cf".to_owned(), main_cf(plan, folder)),
            ("/etc/postfix/master.cf".to_owned(), master_cf(address)),
            ("/etc/postfix/mailboxes".to_owned(), mailboxes),
            ("/etc/postfix/transports".to_owned(), transports),
        ],
        folders: Vec::new(),
        program: [POSTFIX, "start-fg"].map(str::to_owned).to_vec(),
    })
}

fn main_cf(plan: &PeerPlan, folder: &Path) -> String {
    let fixed = "compatibility_level = 3.6\ncommand_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n\
         queue_directory = /var/spool/postfix\ndata_directory = /var/lib/postfix\n\
         mail_owner = postfix\nsetgid_group = postdrop\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nsmtpd_peername_lookup = no\n\
         mydestination =\nrelay_domains =\nlocal_recipient_maps =\nalias_maps =\nalias_database =\n\
         virtual_alias_maps =\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n\
         virtual_mailbox_maps = texthash:/etc/postfix/mailboxes\ntransport_maps = texthash:/etc/postfix/transports\n\
         smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n\
         smtp_tls_security_level = none\nmaximal_queue_lifetime = 0\nbounce_queue_lifetime = 0\n";
    format!(
        "{fixed}myhostname = {}\nvirtual_mailbox_domains = {}\nvirtual_mailbox_base = {}\n\
         message_size_limit = {MESSAGE_BYTES_MAX}\nvirtual_mailbox_limit = {}\nsmtpd_reject_unlisted_recipient = {}\n\
         maillog_file = {}\nmaillog_file_prefixes = {}\n",
        plan.host,
        plan.domains.join(", "),
        folder.join("mail").display(),
        MESSAGE_BYTES_MAX + 1,
        if plan.takes_unknown { "no" } else { "yes" },
        folder.join("log/postfix").display(),
        folder.display(),
    )
}

fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         proxymap unix - - n - - proxymap\n\
         smtp unix - - n - - smtp\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         virtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
