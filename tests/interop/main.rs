//! Todoke and other people's mail programs: Postfix, OpenSMTPD, Exim and Sendmail as receivers and as senders of real
//! bounces, swaks and Postfix's own tools as senders. All on loopback; mail servers each in an enclosure, as root only.

mod mail_survives_the_trip;
mod peers_alone;
mod postfix_tools;
mod real_bounces_reach_the_report;
mod swaks;
mod swaks_is_refused;
mod swaks_registers;
mod town;
