//! Lists newest first, page by page: rows of an organisation ordered by a time and the id, from
//! after the last one of the page before.

use sea_orm::{ConnectionTrait, EntityTrait, QueryResult, Statement, Value};
use uuid::Uuid;

use super::{dialect_of, placed::Placed, sql::Sql};
use crate::error::Result;

/// A place in such a list: time in microseconds and id of a row.
pub type Place = (i64, Uuid);

/// A list under construction: a table, its column of time, and which rows are wanted.
pub struct Newest {
    table: &'static str,
    time: &'static str,
    columns: &'static str,
    sql: Sql,
    wanted: Vec<String>,
}

impl Newest {
    /// All rows of an organisation in `table`, ordered by the column `time`.
    pub fn of(
        conn: &impl ConnectionTrait,
        table: &'static str,
        time: &'static str,
        org: Uuid,
    ) -> Self {
        let mut sql = Sql::new(dialect_of(conn));
        let wanted = vec![format!("org_id = {}", sql.bind(org))];
        Self { table, time, columns: "*", sql, wanted }
    }

    /// Only these columns, in this order, instead of all: large ones need not be read.
    #[must_use]
    pub fn columns(mut self, columns: &'static str) -> Self {
        self.columns = columns;
        self
    }

    /// Only rows whose `column` is `value`, if there is one.
    #[must_use]
    pub fn equal(mut self, column: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            let value = self.sql.bind(value);
            self.wanted.push(format!("{column} = {value}"));
        }
        self
    }

    /// Only rows whose `column`, or expression, is one of `ids`, if there is such a list.
    #[must_use]
    pub fn among(mut self, column: &str, ids: Option<&[Uuid]>) -> Self {
        if let Some(ids) = ids {
            let among = self.sql.one_of(column, ids);
            self.wanted.push(among);
        }
        self
    }

    /// Only rows whose `column` is one of `ids`; any, if there are none.
    #[must_use]
    pub fn one_of(self, column: &str, ids: &[Uuid]) -> Self {
        self.among(column, (!ids.is_empty()).then_some(ids))
    }

    /// The same with values of another kind than ids; a few.
    #[must_use]
    pub fn any_of<V: Into<Value>>(
        mut self,
        column: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let places: Vec<String> = values.into_iter().map(|value| self.sql.bind(value)).collect();
        if !places.is_empty() {
            self.wanted.push(format!("{column} IN ({})", places.join(", ")));
        }
        self
    }

    /// Only rows that belong to a unit by a tree, if one is named.
    #[must_use]
    pub fn placed(self, placed: Option<&Placed>) -> Self {
        let Some(placed) = placed else { return self };
        let time = self.time;
        self.that(|sql| placed.condition(sql, time))
    }

    /// Only rows with `from_us` ≤ time < `to_us`, as far as these are given.
    #[must_use]
    pub fn within(mut self, from_us: Option<i64>, to_us: Option<i64>) -> Self {
        for (comparison, us) in [(">=", from_us), ("<", to_us)] {
            if let Some(us) = us {
                let us = self.sql.bind(us);
                self.wanted.push(format!("{} {comparison} {us}", self.time));
            }
        }
        self
    }

    /// Only rows that meet a condition of ours, which may bind parameters.
    #[must_use]
    pub fn that(mut self, condition: impl FnOnce(&mut Sql) -> String) -> Self {
        let condition = condition(&mut self.sql);
        self.wanted.push(condition);
        self
    }

    /// Only rows that meet a condition without parameters, if `wanted`.
    #[must_use]
    pub fn only(mut self, wanted: bool, condition: &str) -> Self {
        if wanted {
            self.wanted.push(condition.to_owned());
        }
        self
    }

    /// At most `limit` rows after `last`, latest first.
    pub async fn page<E: EntityTrait>(
        self,
        conn: &impl ConnectionTrait,
        last: Option<Place>,
        limit: u64,
    ) -> Result<Vec<E::Model>> {
        Ok(E::find().from_raw_sql(self.statement(last, limit)).all(conn).await?)
    }

    /// The same for tables without an entity.
    pub async fn rows(
        self,
        conn: &impl ConnectionTrait,
        last: Option<Place>,
        limit: u64,
    ) -> Result<Vec<QueryResult>> {
        Ok(conn.query_all_raw(self.statement(last, limit)).await?)
    }

    /// The statement that reads the page.
    pub fn statement(mut self, last: Option<Place>, limit: u64) -> Statement {
        let (columns, table, time) = (self.columns, self.table, self.time);
        if let Some((us, id)) = last {
            let (us, id) = (self.sql.bind(us), self.sql.bind(id));
            self.wanted.push(format!("({time}, id) < ({us}, {id})"));
        }
        let limit = self.sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let text = format!(
            "SELECT {columns} FROM {table} WHERE {} ORDER BY {time} DESC, id DESC LIMIT {limit}",
            self.wanted.join(" AND ")
        );
        self.sql.statement(&text)
    }
}
