//! A mail's permit where several nodes send: the path's, its netblock's, and the other nodes'.

use mail_model::{Class, MonoUs, SourceName};
use throttle::Gate;

use crate::group::Group;
use crate::nodes::{NetblockAt, News};
use crate::scheduler::State;

impl State {
    /// Whether a mail of this class may leave by this path now, as far as the path, its netblock and other nodes are
    /// concerned. Takes nothing.
    pub(crate) fn may_send(&mut self, group: usize, source: &SourceName, class: Class, now: MonoUs) -> Gate {
        let Self { groups, nodes, .. } = self;
        let group = &mut groups[group];
        match group.may_send(source, class, now) {
            Gate::Go => nodes.look(|| group.netblock_at(source), || group.news(source, now), now),
            wait => wait,
        }
    }
}

impl Group {
    /// The netblock of a source at this carrier.
    pub(crate) fn netblock_at(&self, source: &SourceName) -> NetblockAt {
        let (carrier, site) = (self.carrier.clone(), self.site.clone());
        NetblockAt { carrier, site, netblock: self.netblock_of(source) }
    }

    /// What the sources of a netblock would do together, if nobody else sent.
    pub(crate) fn news(&self, source: &SourceName, now: MonoUs) -> News {
        let netblock = self.netblock_of(source);
        let guard = self.guards.iter().position(|guard| guard.netblock == netblock);
        let paths = self.paths.values().filter(|path| Some(path.guard) == guard);
        let outlook = guard.and_then(|at| self.guards.get(at)).map(|guard| guard.throttle.outlook(now));
        let learned = outlook.and_then(|outlook| outlook.ceiling_per_min.map(|_| outlook.rate_now_per_min));
        let wants_per_min = paths.map(|path| path.throttle.status(now).rate_per_min).sum();
        News { wants_per_min, learned_per_min: learned, ..News::default() }
    }
}
