//! RocksDB: column families, options, and the few ways of reading and writing that the rest of the crate uses.
//!
//! Methods named `try_…` give a [`StoreFault`] and are for opening; the others end the process at a fault.

use std::fs::File;
use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBPinnableSlice,
    DBRawIteratorWithThreadMode, DBRecoveryMode, Options, ReadOptions, WriteBatch, WriteOptions,
};

use crate::fatal::{StoreFault, stop};
use crate::keys::Family;
use crate::record::wire::Corrupt;
use crate::synced::SyncedMark;

const MIB: usize = 1 << 20;
/// Memory of all tables that are still being written.
const WRITE_BUFFERS_BYTES: usize = 48 * MIB;
/// Memory of blocks read back, their indexes and filters.
const BLOCK_CACHE_BYTES: usize = 32 * MIB;

/// How to treat a log whose end is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTail {
    /// Refuse any damage, a torn last record included.
    Whole,
    /// Stop at the first damage: only after it was shown that nothing synced stands behind it.
    CutAtDamage,
}

/// What opening may add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Nothing: what is missing is damage.
    Nothing,
    /// Column families that an earlier format does not have.
    Families,
    /// The whole database.
    Database,
}

/// Options of the database.
pub fn options(tail: LogTail, make: Make) -> Options {
    let mut options = Options::default();
    options.create_if_missing(make == Make::Database);
    options.create_missing_column_families(make != Make::Nothing);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(match tail {
        LogTail::Whole => DBRecoveryMode::AbsoluteConsistency,
        LogTail::CutAtDamage => DBRecoveryMode::PointInTime,
    });
    // All families are flushed together: the log is short after each flush, and no family can be ahead of another
    // when the log is cut.
    options.set_atomic_flush(true);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(2 * WRITE_BUFFERS_BYTES as u64);
    options.set_max_background_jobs(2);
    options.set_max_open_files(512);
    options.set_keep_log_file_num(3);
    options.set_max_log_file_size(4 * MIB);
    options.set_max_manifest_file_size(16 * MIB);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_bytes_per_sync(MIB as u64);
    options
}

fn family_options(family: Family, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_format_version(5);
    let looked_up = matches!(
        family,
        Family::Message | Family::Suppress | Family::Idempotency | Family::Tally | Family::Failure | Family::Memory
    );
    if looked_up {
        table.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_max_write_buffer_number(3);
    options.set_write_buffer_size(match family {
        Family::Due | Family::Outbox | Family::Content | Family::Mail => 16 * MIB,
        _ => 8 * MIB,
    });
    // What stands at the head of a lane, and most marks, are soon deleted again: compact files full of deletions, so
    // that a scan from the beginning of a lane after a start does not wade through them.
    if matches!(family, Family::Due | Family::Doubt | Family::Outbox | Family::Inbox | Family::Mail) {
        options.add_compact_on_deletion_collector_factory(8_192, 4_096, 0.5);
    }
    options
}

/// These families with their options, sharing one block cache.
pub fn descriptors(families: &[Family]) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let mut all: Vec<_> =
        families.iter().map(|f| ColumnFamilyDescriptor::new(f.name(), family_options(*f, &cache))).collect();
    all.push(ColumnFamilyDescriptor::new("default", Options::default()));
    all
}

/// The open database with its mark of what is synced.
pub struct Store {
    db: DB,
    mark: SyncedMark,
    _lock: File,
    dir: PathBuf,
}

impl Store {
    /// Takes an open database, and the lock that says whose it is.
    pub fn new(db: DB, mark: SyncedMark, lock: File, dir: &Path) -> Self {
        Self { db, mark, _lock: lock, dir: dir.to_owned() }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The result, or the end of the process.
    pub fn must<T>(&self, doing: &str, result: Result<T, StoreFault>) -> T {
        result.unwrap_or_else(|fault| stop(&self.dir, doing, &fault))
    }

    fn handle(&self, family: Family) -> &ColumnFamily {
        let missing = || StoreFault::new(family.name(), "the column family is not open");
        self.db.cf_handle(family.name()).unwrap_or_else(|| stop(&self.dir, "using the store", &missing()))
    }

    /// A new batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch { store: self, inner: WriteBatch::default() }
    }

    /// Writes a batch to the log without a sync: it survives the death of the process, not a power cut.
    fn write(&self, batch: WriteBatch) {
        let written = self.db.write_opt(batch, &WriteOptions::default());
        self.must("writing", written.map_err(|error| StoreFault::new("log", error)));
    }

    /// Makes everything durable that was written before this call. Other threads write on meanwhile, which a synced
    /// write would not let them.
    pub fn sync(&self) {
        // Read before the sync: a write that is numbered is already in the log.
        let number = self.db.latest_sequence_number();
        let synced = self.db.flush_wal(true);
        self.must("syncing the log", synced.map_err(|error| StoreFault::new("log", error)));
        let marked = self.mark.write(number);
        self.must("noting what is synced", marked.map_err(|error| StoreFault::new(crate::synced::FILE_NAME, error)));
    }

    /// Reads one value.
    pub fn try_get(&self, family: Family, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>, StoreFault> {
        let mut read = ReadOptions::default();
        // A mail of megabytes would drive everything else out of the cache, to be read once.
        read.fill_cache(family != Family::Mail);
        let found = self.db.get_pinned_cf_opt(self.handle(family), key, &read);
        found.map_err(|error| StoreFault::new(family.name(), error))
    }

    /// Reads one value and decodes it.
    pub fn try_read<T>(
        &self,
        family: Family,
        key: &[u8],
        decode: impl FnOnce(&[u8], &[u8]) -> Result<T, Corrupt>,
    ) -> Result<Option<T>, StoreFault> {
        let Some(value) = self.try_get(family, key)? else { return Ok(None) };
        decode(key, &value).map(Some).map_err(|corrupt| StoreFault::new(family.name(), corrupt))
    }

    /// [`Store::try_read`] that ends the process at a fault.
    pub fn read<T>(
        &self,
        family: Family,
        key: &[u8],
        decode: impl FnOnce(&[u8], &[u8]) -> Result<T, Corrupt>,
    ) -> Option<T> {
        self.must("reading", self.try_read(family, key, decode))
    }

    /// Whether there is such a key.
    pub fn has(&self, family: Family, key: &[u8]) -> bool {
        self.must("reading", self.try_get(family, key)).is_some()
    }

    /// Goes through the keys from `from` to before `to` as they are at this moment. `to` `None`: to the end.
    pub fn scan(&self, family: Family, from: &[u8], to: Option<Vec<u8>>) -> Scan<'_> {
        let mut read = ReadOptions::default();
        if let Some(to) = to {
            read.set_iterate_upper_bound(to);
        }
        let mut inner = self.db.raw_iterator_cf_opt(self.handle(family), read);
        inner.seek(from);
        Scan { store: self, inner, family, begun: false }
    }

    /// The last key of a family.
    pub fn try_last_key(&self, family: Family) -> Result<Option<Vec<u8>>, StoreFault> {
        let mut iterator = self.db.raw_iterator_cf(self.handle(family));
        iterator.seek_to_last();
        iterator.status().map_err(|error| StoreFault::new(family.name(), error))?;
        Ok(iterator.key().map(<[u8]>::to_vec))
    }

    /// Bytes of memory that RocksDB holds: tables being written, blocks read, indexes.
    pub fn memory_bytes(&self) -> u64 {
        let of = |name: &str| {
            let sums = Family::ALL.iter().map(|f| self.db.property_int_value_cf(self.handle(*f), name));
            sums.map(|n| n.ok().flatten().unwrap_or(0)).sum::<u64>()
        };
        let cache = self.db.property_int_value_cf(self.handle(Family::Due), "rocksdb.block-cache-usage");
        of("rocksdb.cur-size-all-mem-tables") + cache.ok().flatten().unwrap_or(0)
    }

    /// A copy of the whole queue at one moment, in a new directory on the same file system.
    pub fn checkpoint(&self, to: &Path) {
        let made = rocksdb::checkpoint::Checkpoint::new(&self.db).and_then(|point| point.create_checkpoint(to));
        self.must("making a checkpoint", made.map_err(|error| StoreFault::new("checkpoint", error)));
    }
}

/// Changes that become true together or not at all.
pub struct Batch<'a> {
    store: &'a Store,
    inner: WriteBatch,
}

impl Batch<'_> {
    /// Sets a value.
    pub fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.inner.put_cf(self.store.handle(family), key, value);
    }

    /// Removes a key, whether or not it is there.
    pub fn delete(&mut self, family: Family, key: &[u8]) {
        self.inner.delete_cf(self.store.handle(family), key);
    }

    /// Removes the keys from `from` to before `to`.
    pub fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        self.inner.delete_range_cf(self.store.handle(family), from, to);
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Writes it to the log, unsynced.
    pub fn write(self) {
        self.store.write(self.inner);
    }
}

/// A walk over keys, fixed at the moment it began.
pub struct Scan<'a> {
    store: &'a Store,
    inner: DBRawIteratorWithThreadMode<'a, DB>,
    family: Family,
    begun: bool,
}

/// A key and its value.
pub type Item<'a> = (&'a [u8], &'a [u8]);

impl Scan<'_> {
    /// The next key and value.
    pub fn try_next(&mut self) -> Result<Option<Item<'_>>, StoreFault> {
        if self.begun {
            self.inner.next();
        }
        self.begun = self.inner.valid();
        self.inner.status().map_err(|error| StoreFault::new(self.family.name(), error))?;
        Ok(self.inner.item())
    }

    /// Goes on from `to`, which may be anywhere; what it sees stays as it was when it began.
    pub fn seek(&mut self, to: &[u8]) {
        self.inner.seek(to);
        self.begun = false;
    }

    /// The next key and value; ends the process at a fault.
    pub fn next_item(&mut self) -> Option<(&[u8], &[u8])> {
        let store = self.store;
        store.must("reading", self.try_next())
    }
}
