//! Where sites stood, and everything that counts by it: the feeds are applied again from their
//! beginning, so that also what was counted before belongs to the units of its time.

use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// The migration.
pub struct Placements;

impl MigrationName for Placements {
    fn name(&self) -> &str {
        "m20261122_000005_placements"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Placements {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let since = big_integer("since_us").default(0).to_owned();
        for column in [uuid_null("unit_id"), since] {
            let add = Table::alter().table("site_zone").add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        for counted in [
            "cell_quarter",
            "cell_site_day",
            "cell_day",
            "cell_answer",
            "answer_vector",
            "parked_group",
            "site_zone",
        ] {
            manager.get_connection().execute_unprepared(&format!("DELETE FROM {counted}")).await?;
        }
        for table in ["inbox", "feed_cursor"] {
            let forget = format!("DELETE FROM {table} WHERE source IN ('device', 'survey')");
            manager.get_connection().execute_unprepared(&forget).await?;
        }
        Ok(())
    }
}
