//! Two schedulers of one ward: a source is one node's at a time, and a netblock's allowance is kept by both together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mail_model::Class::Normal;
use mail_model::{SiteName, SourceName};
use scheduler::{CloseReason, NetblockAt, News, NextMail, OneProcess, SharedGuard, Signal, SourceOwnership, Ticket};

use crate::stand::{Stand, fast};

struct Site {
    stand: Stand,
    sessions: Vec<Ticket>,
    sent: u32,
    closed: Vec<CloseReason>,
}

impl Site {
    fn new(all: &OneProcess, number: u32, sources: u32, carrier: &str) -> Self {
        let mut stand = Stand::new(sources, 100, carrier);
        let node = all.node(number);
        let (ownership, guard): (Arc<dyn SourceOwnership>, Arc<dyn SharedGuard>) = (node.clone(), node);
        stand.scheduler = stand.scheduler.clone().with_nodes(ownership, guard);
        Self { stand, sessions: vec![], sent: 0, closed: vec![] }
    }

    fn took(&mut self, queued: Box<queue::Queued>, ticket: &Ticket) {
        self.stand.accepted(queued);
        self.stand.scheduler.feedback(ticket, Signal::Accepted);
        self.sent += 1;
    }

    /// Everything that may happen at this moment.
    fn work(&mut self) {
        while let Some(assignment) = self.stand.open() {
            self.took(assignment.first, &assignment.ticket);
            self.sessions.push(assignment.ticket);
        }
        for mut ticket in std::mem::take(&mut self.sessions) {
            loop {
                match self.stand.scheduler.next_mail(&mut ticket, true) {
                    NextMail::Send(queued) => self.took(queued, &ticket),
                    NextMail::Wait { .. } => break self.sessions.push(ticket),
                    NextMail::Close(why) => {
                        self.closed.push(why);
                        break self.stand.scheduler.closed(ticket);
                    }
                }
            }
        }
    }
}

fn source(n: u32) -> SourceName {
    format!("s{n}").parse().unwrap()
}

#[tokio::test]
async fn two_nodes_together_keep_the_sum_of_one_netblock() {
    let all = OneProcess::new();
    let mut nodes = [Site::new(&all, 1, 2, &fast("docomo")), Site::new(&all, 2, 2, &fast("docomo"))];
    for (number, site) in (1..).zip(&mut nodes) {
        // In life no two nodes have a source in common; here the names repeat, and each has its own of them.
        all.give(&source(number), number);
        site.stand.accept(1_500, "docomo.ne.jp", Normal).await;
    }
    let docomo = NetblockAt { carrier: "docomo".parse().unwrap(), site: SiteName::none(), netblock: Arc::from("") };
    let learned = News { learned_per_min: Some(120.0), ..News::default() };
    all.node(3).share(&docomo, learned, mail_model::MonoUs(0));
    let mut by_second = BTreeMap::<u64, u32>::new();
    for tick in 0..3_000_u64 {
        let before: u32 = nodes.iter().map(|site| site.sent).sum();
        for site in &mut nodes {
            site.work();
            site.stand.clock.advance(Duration::from_millis(100));
        }
        *by_second.entry(tick / 10).or_default() += nodes.iter().map(|site| site.sent).sum::<u32>() - before;
    }
    let counts: Vec<u32> = by_second.into_values().collect();
    let busiest = counts.windows(60).map(|minute| minute.iter().sum::<u32>()).max().unwrap();
    assert!(busiest <= 120 + 2, "{busiest} in one minute");
    let sent: Vec<u32> = nodes.iter().map(|site| site.sent).collect();
    assert!(sent.iter().sum::<u32>() >= 5 * 110, "the allowance is used: {sent:?}");
    assert!(sent.iter().all(|sent| *sent >= 5 * 45), "by both: {sent:?}");
}

#[tokio::test]
async fn a_source_moves_to_another_node_and_is_never_used_by_both() {
    let all = OneProcess::new();
    let slow = fast("docomo").replace("1000000", "600");
    let mut nodes = [Site::new(&all, 1, 1, &slow), Site::new(&all, 2, 1, &slow)];
    for site in &nodes {
        site.stand.accept(600, "docomo.ne.jp", Normal).await;
    }
    all.give(&source(1), 1);
    let mut users = vec![];
    for tick in 0..200 {
        if tick == 50 || tick == 120 {
            all.give(&source(1), if tick == 50 { 2 } else { 1 });
        }
        let before: Vec<u32> = nodes.iter().map(|site| site.sent).collect();
        for site in &mut nodes {
            site.work();
            site.stand.clock.advance(Duration::from_millis(100));
        }
        let open: Vec<u32> = nodes.iter().map(|site| site.stand.scheduler.sessions_open()).collect();
        assert!(open[0] == 0 || open[1] == 0, "both use it at tick {tick}: {open:?}");
        let sent: Vec<bool> = nodes.iter().zip(before).map(|(site, before)| site.sent > before).collect();
        assert!(!(sent[0] && sent[1]), "both sent at tick {tick}");
        if let Some(user) = sent.iter().position(|sent| *sent) {
            users.push(user);
        }
    }
    users.dedup();
    assert_eq!(users, [0, 1, 0]);
    assert!(nodes.iter().all(|site| site.closed.contains(&CloseReason::Source)), "sessions were closed for it");
}

#[tokio::test]
async fn a_node_without_sources_sends_nothing_and_a_node_alone_notices_nothing() {
    let all = OneProcess::new();
    let mut stranger = Site::new(&all, 1, 2, &fast("docomo"));
    stranger.stand.accept(10, "docomo.ne.jp", Normal).await;
    stranger.work();
    assert_eq!(stranger.sent, 0);
    let alone = Stand::new(2, 100, &fast("docomo"));
    alone.accept(10, "docomo.ne.jp", Normal).await;
    assert!(alone.open().is_some());
}
