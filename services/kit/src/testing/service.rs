//! What tests ask of a service: what it stored, told and refused.

use std::{fmt::Debug, time::Duration};

use proto::common::v1::{EventGroup, Reason};
use sea_orm::{ConnectionTrait, Statement};
use tonic::{Code, Response, Status};

use crate::{db::Db, error::ServiceError, feed::Outbox};

/// Rows of a table.
///
/// # Panics
/// When there is no such table.
pub async fn count_rows(db: &Db, table: &str) -> i64 {
    let conn = db.read();
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let row = conn.query_one_raw(statement).await.expect("the table can be read");
    row.expect("a count is a row").try_get("", "n").expect("a count is a number")
}

/// All groups of the feed that are committed, in order.
///
/// # Panics
/// When the feed does not catch up within ten seconds.
pub async fn committed_groups(db: &Db, outbox: &Outbox) -> Vec<EventGroup> {
    let committed = count_rows(db, "outbox").await;
    // On PostgreSQL the feed waits for older transactions, those of other tests included.
    for _ in 0..500 {
        let groups = groups_so_far(outbox).await;
        if groups.len() as i64 >= committed {
            return groups;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the feed does not catch up");
}

async fn groups_so_far(outbox: &Outbox) -> Vec<EventGroup> {
    let (mut after, mut groups) = (String::new(), Vec::new());
    loop {
        let page = outbox.list(&after, 100).await.expect("the feed can be read");
        groups.extend(page.groups);
        if page.at_end {
            return groups;
        }
        after = page.next;
    }
}

/// Code and reason of a refusal.
///
/// # Panics
/// When it is none.
pub fn refusal<T: Debug>(result: Result<Response<T>, Status>) -> (Code, Reason) {
    let error = ServiceError::from(result.expect_err("it is refused"));
    (error.code(), error.reason())
}

/// Code and fields of a refusal.
///
/// # Panics
/// When it is none.
pub fn fields<T: Debug>(result: Result<Response<T>, Status>) -> (Code, Vec<String>) {
    let error = ServiceError::from(result.expect_err("it is refused"));
    (error.code(), error.violations().iter().map(|v| v.field.clone()).collect())
}
