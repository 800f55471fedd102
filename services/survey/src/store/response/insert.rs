//! The one place that adds responses, many at once.

use kit::{
    db::{Dialect, WriteTx, bulk, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, Statement, Value};
use survey_domain::response::Response;

use super::print_answers;
use kit::db::sql::backend;

const COLUMNS: &str = "id, org_id, campaign_id, questionnaire_id, version, unit_id, site_id, \
     staff_id, customer_id, class_id, invitation_id, link_id, invited, channel, language, \
     submit_us, duration_ms, seed, answers, content_hash, marks, decision, reviewer, review_us, \
     anonymous, operator, row_id, erased, site_since_us";
const COLUMNS_COUNT: usize = 29;
/// Rows of one statement.
const ROWS_MAX: usize = 64;

/// Adds responses; those whose id exists are left out. Answers how many were added.
pub async fn insert(tx: &WriteTx, responses: &[&Response]) -> Result<u64> {
    let conn = tx.conn();
    let dialect = dialect_of(conn);
    let mut added = 0;
    for chunk in bulk::chunks(responses, ROWS_MAX) {
        let rows = match dialect {
            Dialect::Sqlite => bulk::tuples(chunk.len(), COLUMNS_COUNT),
            Dialect::Postgres => numbered(chunk.len()),
        };
        let text = format!("INSERT INTO response ({COLUMNS}) VALUES {rows} ON CONFLICT DO NOTHING");
        let mut values = Vec::with_capacity(chunk.len() * COLUMNS_COUNT);
        for response in chunk {
            values.extend(cells(response));
        }
        let statement = Statement::from_sql_and_values(backend(dialect), text, values);
        added += conn.execute_raw(statement).await?.rows_affected();
    }
    Ok(added)
}

/// `($1, …), ($30, …)`.
fn numbered(rows: usize) -> String {
    let row = |row: usize| {
        let places = (1..=COLUMNS_COUNT).map(|at| format!("${}", row * COLUMNS_COUNT + at));
        format!("({})", places.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

fn cells(response: &Response) -> [Value; COLUMNS_COUNT] {
    [
        response.id.into(),
        response.org.into(),
        response.campaign.into(),
        response.questionnaire.into(),
        response.version.into(),
        response.unit.into(),
        response.site.into(),
        response.staff.into(),
        response.customer.into(),
        response.class.into(),
        response.invitation.into(),
        response.link.into(),
        response.invited.into(),
        (response.channel as i16).into(),
        response.language.clone().into(),
        response.submit_us.into(),
        response.duration_ms.into(),
        i64::from(response.seed).into(),
        print_answers(&response.answers, response.sealed.as_deref()).into(),
        response.content_hash.into(),
        response.marks.0.into(),
        (response.decision as i16).into(),
        response.reviewer.clone().into(),
        response.review_us.into(),
        response.anonymous.into(),
        response.operator.clone().into(),
        response.row_id.clone().into(),
        response.erased.into(),
        response.site_since_us.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_a_place() {
        assert_eq!(COLUMNS.split(", ").count(), COLUMNS_COUNT);
        assert!(numbered(2).ends_with("$58)"));
    }
}
