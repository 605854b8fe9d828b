//! What an operator has suspended. A hold stops sending, never accepting; it ends by itself at its time.

use mail_model::{CampaignName, CarrierName, EgressPath, Lane, TenantName, UnixMs};

/// Number of a hold, unique within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub u64);

/// What a hold stops. Every field that is given must match; a scope without any field matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldScope {
    /// Only this campaign.
    pub campaign: Option<CampaignName>,
    /// Only this tenant.
    pub tenant: Option<TenantName>,
    /// Only this recipient domain.
    pub domain: Option<String>,
    /// Only this carrier.
    pub carrier: Option<CarrierName>,
    /// Only this egress path (KumoMTA's `suspend-ready-q`).
    pub path: Option<EgressPath>,
}

impl HoldScope {
    fn names_message(&self) -> bool {
        self.campaign.is_some() || self.tenant.is_some()
    }

    fn covers_lane(&self, lane: &Lane) -> bool {
        self.path.is_none()
            && self.domain.as_deref().is_none_or(|d| d == lane.site.as_str())
            && self.carrier.as_ref().is_none_or(|c| *c == lane.carrier)
    }
}

/// A suspension with its reason and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its number.
    pub id: HoldId,
    /// What it stops.
    pub scope: HoldScope,
    /// Why, as the operator wrote it.
    pub reason: String,
    /// When it ends by itself.
    pub until: UnixMs,
}

/// All suspensions in force.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    list: Vec<Hold>,
    last_id: u64,
}

impl Holds {
    pub(crate) fn add(&mut self, scope: HoldScope, reason: String, until: UnixMs) -> HoldId {
        self.last_id += 1;
        let id = HoldId(self.last_id);
        self.list.push(Hold { id, scope, reason, until });
        id
    }

    pub(crate) fn remove(&mut self, id: HoldId) -> Option<Hold> {
        let at = self.list.iter().position(|hold| hold.id == id)?;
        Some(self.list.remove(at))
    }

    pub(crate) fn list(&mut self, now: UnixMs) -> Vec<Hold> {
        self.list.retain(|hold| hold.until > now);
        self.list.clone()
    }

    /// The end of a hold on the whole lane.
    pub(crate) fn lane(&self, lane: &Lane, now: UnixMs) -> Option<UnixMs> {
        self.longest(now, |scope| !scope.names_message() && scope.covers_lane(lane))
    }

    /// The end of a hold on one egress path.
    pub(crate) fn path(&self, path: &EgressPath, now: UnixMs) -> Option<UnixMs> {
        self.longest(now, |scope| scope.path.as_ref() == Some(path))
    }

    /// The end of a hold on a message of this campaign and tenant in this lane.
    pub(crate) fn message(
        &self,
        campaign: &CampaignName,
        tenant: &TenantName,
        lane: &Lane,
        now: UnixMs,
    ) -> Option<UnixMs> {
        self.longest(now, |scope| {
            scope.names_message()
                && scope.covers_lane(lane)
                && scope.campaign.as_ref().is_none_or(|c| c == campaign)
                && scope.tenant.as_ref().is_none_or(|t| t == tenant)
        })
    }

    /// Whether any hold names a campaign or a tenant, so that messages must be looked at one by one.
    pub(crate) fn name_messages(&self) -> bool {
        self.list.iter().any(|hold| hold.scope.names_message())
    }

    fn longest(&self, now: UnixMs, matches: impl Fn(&HoldScope) -> bool) -> Option<UnixMs> {
        self.list.iter().filter(|hold| hold.until > now && matches(&hold.scope)).map(|hold| hold.until).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::{Class, PoolName, SiteName};

    fn lane(carrier: &str, site: &str) -> Lane {
        Lane {
            carrier: CarrierName::new(carrier).unwrap(),
            site: SiteName::new(site).unwrap(),
            pool: PoolName::new("wide").unwrap(),
            class: Class::Normal,
        }
    }

    #[test]
    fn a_hold_stops_exactly_what_it_names_and_ends_by_itself() {
        let docomo = lane("docomo", "docomo.ne.jp");
        let au = lane("au", "ezweb.ne.jp");
        let (sakura, ume) = (CampaignName::new("sakura").unwrap(), CampaignName::new("ume").unwrap());
        let school = TenantName::new("school-1").unwrap();
        let mut holds = Holds::default();
        let by_carrier = HoldScope { carrier: Some(docomo.carrier.clone()), ..HoldScope::default() };
        let first = holds.add(by_carrier, "docomo asked us to wait".into(), UnixMs(1_000));
        let by_campaign =
            HoldScope { campaign: Some(sakura.clone()), domain: Some("ezweb.ne.jp".into()), ..HoldScope::default() };
        holds.add(by_campaign, "wrong date in the text".into(), UnixMs(2_000));

        assert_eq!(holds.lane(&docomo, UnixMs(0)), Some(UnixMs(1_000)));
        assert_eq!(holds.lane(&au, UnixMs(0)), None, "a campaign's hold does not stop the lane");
        assert_eq!(holds.message(&sakura, &school, &au, UnixMs(0)), Some(UnixMs(2_000)));
        assert_eq!(holds.message(&ume, &school, &au, UnixMs(0)), None);
        assert_eq!(holds.message(&sakura, &school, &docomo, UnixMs(0)), None);
        assert_eq!(holds.lane(&docomo, UnixMs(1_000)), None, "over at its time");
        assert_eq!(holds.list(UnixMs(1_500)).len(), 1);
        assert!(holds.remove(first).is_none(), "already over and gone");
    }
}
