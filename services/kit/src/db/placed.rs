//! Sites, and the times in which they stood somewhere, as conditions on rows.

use uuid::Uuid;

use super::sql::Sql;

/// Sites that count, some of them only for a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// Sites that count whenever it was.
    pub always: Vec<Uuid>,
    /// Sites that count in a stretch of time: since, and until without the end, microseconds.
    pub at_times: Vec<(Uuid, i64, i64)>,
}

impl Placed {
    /// The condition on rows with a `site_id` and a `site_since_us`, whose service was at `time`.
    /// Where a row says since when its site had stood where it stood, this decides, as it does
    /// for figures.
    pub fn condition(&self, sql: &mut Sql, time: &str) -> String {
        let mut either = vec![sql.one_of("site_id", &self.always)];
        for (site, since_us, until_us) in &self.at_times {
            let (site, since, until) = (sql.bind(*site), sql.bind(*since_us), sql.bind(*until_us));
            let placed = format!("COALESCE(site_since_us, {time})");
            let within = format!("{placed} >= {since} AND {placed} < {until}");
            either.push(format!("(site_id = {site} AND {within})"));
        }
        format!("({})", either.join(" OR "))
    }
}
