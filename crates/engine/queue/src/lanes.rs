//! The lanes of this queue: a table that only grows, with each lane's window and count beside it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mail_model::Lane;
use parking_lot::{Mutex, RwLock};

use crate::fatal::StoreFault;
use crate::keys::{Family, LaneId, META_LANE, lane_key};
use crate::record::message::{decode_lane, encode_lane};
use crate::settings::Refusal;
use crate::store::Store;
use crate::window::Window;

/// One lane.
pub struct LaneCell {
    /// Its number.
    pub id: LaneId,
    /// Which one it is.
    pub lane: Lane,
    /// What of it is in memory.
    pub window: Mutex<Window>,
    /// Unsettled notifications since the queue was opened, plus, once counted, those it was opened with.
    pub queued: AtomicI64,
}

/// All lanes, by number.
#[derive(Default)]
pub struct LaneTable {
    rows: RwLock<Rows>,
}

#[derive(Default)]
struct Rows {
    cells: Vec<Arc<LaneCell>>,
    by_lane: HashMap<Lane, LaneId>,
}

impl Rows {
    fn add(&mut self, lane: Lane, window: Window) -> LaneId {
        let id = LaneId(u32::try_from(self.cells.len()).unwrap_or(u32::MAX));
        self.by_lane.insert(lane.clone(), id);
        self.cells.push(Arc::new(LaneCell { id, lane, window: Mutex::new(window), queued: AtomicI64::new(0) }));
        id
    }
}

impl LaneTable {
    /// Reads the table as the last process left it.
    pub fn load(store: &Store) -> Result<Self, StoreFault> {
        let mut rows = Rows::default();
        let mut end = META_LANE.to_vec();
        end.push(0xff);
        end.extend([0xff; 4]);
        let mut scan = store.scan(Family::Meta, META_LANE, Some(end));
        while let Some((key, value)) = scan.try_next()? {
            let lane = decode_lane(key, value).map_err(|corrupt| StoreFault::new("meta", corrupt))?;
            let expected = lane_key(LaneId(u32::try_from(rows.cells.len()).unwrap_or(u32::MAX)));
            if key != expected {
                return Err(StoreFault::new("meta", "a row of the lane table is missing"));
            }
            // What it holds on disk is not known yet: the first scan finds out.
            rows.add(lane, Window::unknown());
        }
        drop(scan);
        Ok(Self { rows: RwLock::new(rows) })
    }

    /// The lane with this number.
    pub fn get(&self, id: LaneId) -> Option<Arc<LaneCell>> {
        self.rows.read().cells.get(usize::try_from(id.0).ok()?).cloned()
    }

    /// The number of this lane, if it was ever used.
    pub fn find(&self, lane: &Lane) -> Option<LaneId> {
        self.rows.read().by_lane.get(lane).copied()
    }

    /// The number of this lane; makes it when it is new.
    pub fn find_or_make(&self, store: &Store, lane: &Lane, lanes_max: u32) -> Result<LaneId, Refusal> {
        if let Some(id) = self.find(lane) {
            return Ok(id);
        }
        let mut rows = self.rows.write();
        if let Some(id) = rows.by_lane.get(lane) {
            return Ok(*id);
        }
        if rows.cells.len() >= usize::try_from(lanes_max).unwrap_or(usize::MAX) {
            return Err(Refusal::limit("lanes_max", lanes_max));
        }
        let id = rows.add(lane.clone(), Window::default());
        let key = lane_key(id);
        let mut batch = store.batch();
        batch.put(Family::Meta, &key, &encode_lane(&key, lane));
        // In the log before any record that names the lane, because nobody else can see the row before the lock is gone.
        batch.write();
        Ok(id)
    }

    /// All lanes, by number.
    pub fn all(&self) -> Vec<Arc<LaneCell>> {
        self.rows.read().cells.clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.read().cells.len()
    }

    /// Adds to a lane's count.
    pub fn count(&self, id: LaneId, by: i64) {
        if let Some(cell) = self.get(id) {
            cell.queued.fetch_add(by, Ordering::Relaxed);
        }
    }
}
