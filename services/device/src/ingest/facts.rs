//! What the feed says of ratings.

use device_domain::{rating_stored::Rating, template::Template};
use proto::{
    device::v1::{Event, ItemGrade, RatingChange, RatingFacts, event::Change},
    names, time,
};

use crate::events;

/// That a rating's facts changed: from `before` (absent: it is new) to `after`. Nothing when
/// figures would not differ.
pub fn change(before: Option<&Rating>, after: &Rating, template: &Template) -> Option<Event> {
    let retract = before.map(|rating| facts(rating, template));
    let assert = Some(facts(after, template));
    if retract == assert {
        return None;
    }
    let rating = names::print("ratings", after.id);
    Some(events::event(after.org, Change::Rating(RatingChange { rating, retract, assert })))
}

/// What figures need of a rating.
pub fn facts(rating: &Rating, template: &Template) -> RatingFacts {
    let overall = template.items.first().map(|item| item.code.clone()).unwrap_or_default();
    let mut grades = Vec::with_capacity(1 + rating.item_grades.len());
    grades.push(ItemGrade { item: overall, grade: rating.grade });
    let further = rating.item_grades.iter();
    grades.extend(further.map(|i| ItemGrade { item: i.item.clone(), grade: i.grade }));
    RatingFacts {
        window: names::print_opt("units", rating.window),
        site: names::print("units", rating.site),
        staff: names::print_opt("staff", rating.staff),
        business_type: rating.business_type.clone(),
        channel: rating.channel as i32,
        template: names::print("templates", rating.template),
        grades,
        press_time: Some(time::from_us(rating.press_us)),
        distrusted: !rating.marks.is_empty(),
        site_since: time::from_us_opt(rating.site_since_us),
    }
}
