//! Lists of responses, latest first.

use kit::{
    db::{newest::Newest, placed::Placed},
    error::Result,
};
use sea_orm::ConnectionTrait;
use survey_domain::{channel::Channel, response::Response};
use uuid::Uuid;

use super::read;

/// A place in a list: time of submission and id.
pub type Place = (i64, Uuid);

/// Which responses a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only about these units; `None` means any.
    pub units: Option<Vec<Uuid>>,
    /// Only what belongs to a unit by a tree.
    pub placed: Option<Placed>,
    /// Only of this campaign.
    pub campaign: Option<Uuid>,
    /// Only of this questionnaire.
    pub questionnaire: Option<Uuid>,
    /// Only through this channel.
    pub channel: Option<Channel>,
    /// Only those that figures leave out.
    pub suspect_only: bool,
    /// Only the others.
    pub sound_only: bool,
    /// Only about one of these staff members, if any is named.
    pub staff_members: Vec<Uuid>,
    /// Only through one of these channels, if any is named.
    pub channels: Vec<Channel>,
    /// Only of one of these questionnaires, if any is named.
    pub questionnaires: Vec<Uuid>,
    /// Only of one of these versions, if any is named.
    pub versions: Vec<i32>,
    /// Only of customers of one of these classes, if any is named.
    pub customer_classes: Vec<Uuid>,
    /// Only of one of these campaigns, if any is named.
    pub campaigns: Vec<Uuid>,
    /// Only submitted at or after this time.
    pub from_us: Option<i64>,
    /// Only submitted before this time.
    pub to_us: Option<i64>,
}

/// Rows that figures leave out, as [`Response::is_suspect`] says it.
const SUSPECT: &str = "(decision = 2 OR (decision = 0 AND marks <> 0))";
/// The others.
pub const SOUND: &str = "(decision = 1 OR (decision = 0 AND marks = 0))";

/// A page, latest submission first, after `last`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Response>> {
    let list = Newest::of(conn, "response", "submit_us", org)
        .equal("campaign_id", filter.campaign)
        .equal("questionnaire_id", filter.questionnaire)
        .equal("channel", filter.channel.map(|channel| channel as i16))
        .among("unit_id", filter.units.as_deref())
        .only(filter.suspect_only, SUSPECT)
        .only(filter.sound_only, SOUND)
        .placed(filter.placed.as_ref())
        .one_of("staff_id", &filter.staff_members)
        .any_of("channel", filter.channels.iter().map(|channel| *channel as i16))
        .one_of("questionnaire_id", &filter.questionnaires)
        .any_of("version", filter.versions.iter().copied())
        .one_of("class_id", &filter.customer_classes)
        .one_of("campaign_id", &filter.campaigns)
        .within(filter.from_us, filter.to_us);
    list.rows(conn, last, limit).await?.iter().map(read).collect()
}
