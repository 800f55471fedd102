//! Emptying what was deleted. SQLite keeps former pages in its log until it is truncated: in there
//! lie keys of erased persons, and side by side what one transaction wrote, which would tie the
//! invitation of an anonymous campaign to its answer. PostgreSQL keeps former rows until they are
//! vacuumed.

use std::sync::atomic::{AtomicBool, Ordering};

use kit::{
    db::{Db, Dialect},
    error::Result,
};

use crate::store;

/// Whether there is something to be emptied.
#[derive(Debug)]
pub struct Cleaning(AtomicBool);

impl Cleaning {
    /// For a database. A process that ended before may have left a log of SQLite; PostgreSQL
    /// vacuums what was left by itself.
    pub fn of(db: &Db) -> Self {
        Self(AtomicBool::new(db.dialect() == Dialect::Sqlite))
    }

    /// Something was deleted, or written, that must not stay where it is.
    pub fn wanted(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Empties what is to be emptied. What cannot be, because somebody reads, waits for the next
    /// time.
    ///
    /// # Errors
    /// When the database refuses; the next time tries again.
    pub async fn once(&self, db: &Db) -> Result<()> {
        if !self.0.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let emptied = store::erasure::sweep(db).await;
        if !matches!(emptied, Ok(true)) {
            self.wanted();
        }
        emptied.map(|_| ())
    }
}
