//! Lists newest first, page by page: rows of an organisation ordered by `create_us` and `id`.

use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::sql::{Values, query};

/// A list under construction.
pub struct Newest {
    table: &'static str,
    columns: &'static str,
    values: Values,
    wanted: Vec<String>,
}

impl Newest {
    /// Rows of an organisation in `table`.
    pub fn of(table: &'static str, columns: &'static str, org: Uuid) -> Self {
        let mut values = Values::default();
        let wanted = vec![format!("org_id = {}", values.put(org))];
        Self { table, columns, values, wanted }
    }

    /// Only rows of these units, if there is such a list.
    #[must_use]
    pub fn units(mut self, units: Option<&[Uuid]>) -> Self {
        if let Some(units) = units {
            let list = self.values.list(units.iter().copied());
            self.wanted.push(format!("unit_id IN {list}"));
        }
        self
    }

    /// Only rows whose column is `value`, if there is one.
    #[must_use]
    pub fn equal(mut self, column: &str, value: Option<impl Into<sea_orm::Value>>) -> Self {
        if let Some(value) = value {
            let value = self.values.put(value);
            self.wanted.push(format!("{column} = {value}"));
        }
        self
    }

    /// Only rows that meet a condition without parameters.
    #[must_use]
    pub fn that(mut self, condition: &str) -> Self {
        self.wanted.push(condition.to_owned());
        self
    }

    /// At most `limit` rows after `last`.
    pub async fn page(
        mut self,
        conn: &impl ConnectionTrait,
        last: Option<(i64, Uuid)>,
        limit: u64,
    ) -> Result<Vec<QueryResult>> {
        if let Some((us, id)) = last {
            let (us, id) = (self.values.put(us), self.values.put(id));
            self.wanted.push(format!("(create_us < {us} OR (create_us = {us} AND id < {id}))"));
        }
        let sql = format!(
            "SELECT {} FROM {} WHERE {} ORDER BY create_us DESC, id DESC LIMIT {limit}",
            self.columns,
            self.table,
            self.wanted.join(" AND "),
        );
        query(conn, sql, self.values).await
    }
}
