//! Everything that was counted, as text.

use analytics_domain::{
    cell::{Counts, What},
    pack::{self, Pack},
    plan::Table,
};
use sea_orm::{ConnectionTrait as _, Statement};
use uuid::Uuid;

use super::World;
use crate::tests::model::line;

impl World {
    /// All rows of all tables of cells and all entries of packs, as text.
    pub async fn dump(&self) -> Vec<String> {
        let mut lines = self.dump_packs().await;
        for (table, name, keys) in
            [(Table::Quarter, "cell_quarter", 3), (Table::Day, "cell_day", 7)]
        {
            let sql = format!("SELECT * FROM {name}");
            let conn = self.db.read();
            let statement = Statement::from_string(conn.get_database_backend(), sql);
            for row in conn.query_all_raw(statement).await.unwrap() {
                let id = |index: usize| row.try_get_by_index::<Uuid>(index).unwrap();
                let mut key =
                    format!("{} {} {}", id(0), id(1), row.try_get_by_index::<i32>(2).unwrap());
                if table == Table::Day {
                    let business: String = row.try_get_by_index(5).unwrap();
                    let channel: i16 = row.try_get_by_index(6).unwrap();
                    key += &format!(" {} {} {business:?} {channel}", id(3), id(4));
                }
                let what = What {
                    template: id(keys),
                    item: row.try_get_by_index(keys + 1).unwrap(),
                    class: row.try_get_by_index(keys + 2).unwrap(),
                    block: row.try_get_by_index(keys + 3).unwrap(),
                };
                let mut counts = Counts::default();
                let cells = counts.grades.iter_mut().chain(&mut counts.encounters);
                for (place, count) in cells.enumerate() {
                    *count = row.try_get_by_index(keys + 4 + place).unwrap();
                }
                lines.push(line(name, &key, &what, &counts));
            }
        }
        lines.sort();
        lines
    }

    async fn dump_packs(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let sql = "SELECT org_id, kind, month, site_id, body FROM pack WHERE kind <> 3";
        let conn = self.db.read();
        let statement = Statement::from_string(conn.get_database_backend(), sql);
        for row in conn.query_all_raw(statement).await.unwrap() {
            let id = |index: usize| row.try_get_by_index::<Uuid>(index).unwrap();
            let (kind, month): (i16, i32) =
                (row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
            let body: Vec<u8> = row.try_get_by_index(4).unwrap();
            let pack = Pack::decode(&body).unwrap();
            assert!(!pack.is_empty(), "a pack that comes to nothing is removed");
            assert_eq!(pack.encode(), body, "the form is the only one");
            for (key, day, counts) in pack.entries() {
                let what = pack::rating_of(key).unwrap();
                let (name, time) = match kind {
                    1 => ("pack_months", month),
                    4 => ("pack_years", month + i32::from(day) - 1),
                    _ => ("pack_days", pack::day_of(month, day)),
                };
                let key = format!("{} {} {time}", id(0), id(3));
                lines.push(line(name, &key, &what, counts));
            }
        }
        lines
    }
}
