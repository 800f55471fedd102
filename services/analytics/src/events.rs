//! Reads the device feed: events of the contract become facts and definitions of the domain.

use analytics_domain::{
    answer::{ResponseChange, Version},
    fact::{Change, Encounter, End, Fact, Grade, Place, Rating},
    template::{BAD_TO_DEFAULT, Meaning, SATISFIED_FROM_DEFAULT, Template},
};
use prost::Message as _;
use proto::{
    device::v1::{
        self as device, EncounterFacts, EncounterState, Events, RatingFacts, event::Change as Kind,
    },
    names, time,
};
use uuid::Uuid;

use crate::store::questionnaires::Class;

/// Why a group cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The bytes are no events.
    #[error("the events cannot be decoded: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field is missing or makes no sense.
    #[error("{0} is missing or malformed")]
    Field(&'static str),
}

type Result<T> = std::result::Result<T, Error>;

/// What one group says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// Facts that came or went.
    pub changes: Vec<Change>,
    /// Definitions, with their organisation.
    pub templates: Vec<(Uuid, Template)>,
    /// Responses that came or went.
    pub responses: Vec<ResponseChange>,
    /// Versions of questionnaires, with their organisation.
    pub versions: Vec<(Uuid, Version)>,
    /// Customer classes, with their organisation.
    pub classes: Vec<(Uuid, Class)>,
}

/// Reads the packed events of a group. Events that figures do not need are passed over.
///
/// # Errors
/// [`Error`]; nothing of the group may be used then.
pub fn read(bytes: &[u8]) -> Result<Contents> {
    let mut contents = Contents::default();
    for event in Events::decode(bytes)?.items {
        let org = required("organisations", &event.organisation, "organisation")?;
        match event.change {
            Some(Kind::Rating(change)) => {
                let rating = |facts: &Option<RatingFacts>| {
                    facts.as_ref().map(|facts| rating(org, facts)).transpose()
                };
                put(&mut contents, rating(&change.retract)?, rating(&change.assert)?);
            }
            Some(Kind::Encounter(change)) => {
                let encounter = |facts: &Option<EncounterFacts>| {
                    facts.as_ref().map(|facts| encounter(org, facts)).transpose()
                };
                put(&mut contents, encounter(&change.retract)?, encounter(&change.assert)?);
            }
            Some(Kind::Template(definition)) => {
                contents.templates.push((org, template(&definition)?));
            }
            Some(Kind::Shift(_) | Kind::Device(_)) | None => {}
        }
    }
    Ok(contents)
}

fn put(contents: &mut Contents, retract: Option<Fact>, assert: Option<Fact>) {
    contents.changes.extend(retract.map(|fact| Change { fact, holds: false }));
    contents.changes.extend(assert.map(|fact| Change { fact, holds: true }));
}

fn rating(org: Uuid, facts: &RatingFacts) -> Result<Fact> {
    let mut grades = Vec::with_capacity(facts.grades.len());
    for (index, item) in facts.grades.iter().enumerate() {
        // Only the overall item may go without a code: cells know it by its place.
        if index > 0 && item.item.is_empty() {
            return Err(Error::Field("rating.grades.item"));
        }
        let grade = Grade::new(item.grade).ok_or(Error::Field("rating.grades.grade"))?;
        grades.push((item.item.clone(), grade));
    }
    Ok(Fact::Rating(Rating {
        place: place(org, &facts.site, &facts.window, &facts.staff, &facts.business_type)?,
        time_us: time_us(facts.press_time.as_ref(), "rating.press_time")?,
        channel: i16::try_from(facts.channel).map_err(|_| Error::Field("rating.channel"))?,
        template: required("templates", &facts.template, "rating.template")?,
        grades,
        distrusted: facts.distrusted,
        site_since_us: time::to_us_opt(facts.site_since.as_ref()),
    }))
}

fn encounter(org: Uuid, facts: &EncounterFacts) -> Result<Fact> {
    let end = match facts.state() {
        EncounterState::TimedOut => End::TimedOut,
        EncounterState::Skipped => End::Skipped,
        EncounterState::Defaulted => End::Defaulted,
        EncounterState::Rated => End::Rated,
        EncounterState::NoShow => End::NoShow,
        EncounterState::Unspecified
        | EncounterState::Called
        | EncounterState::Started
        | EncounterState::Finished
        | EncounterState::Prompted
        | EncounterState::Shown => End::Open,
    };
    Ok(Fact::Encounter(Encounter {
        place: place(org, &facts.site, &facts.window, &facts.staff, &facts.business_type)?,
        time_us: time_us(facts.time.as_ref(), "encounter.time")?,
        served: facts.served,
        prompted: facts.prompted,
        shown: facts.shown,
        end,
        service_ms: Some(facts.service_ms).filter(|ms| *ms >= 0),
        waiting_ms: Some(facts.waiting_ms).filter(|ms| *ms >= 0),
        site_since_us: time::to_us_opt(facts.site_since.as_ref()),
    }))
}

fn place(org: Uuid, site: &str, window: &str, staff: &str, business_type: &str) -> Result<Place> {
    if business_type.contains('\0') {
        return Err(Error::Field("business_type"));
    }
    Ok(Place {
        org,
        site: required("units", site, "site")?,
        window: optional("units", window, "window")?,
        staff: optional("staff", staff, "staff")?,
        business_type: business_type.to_owned(),
    })
}

fn template(definition: &device::Template) -> Result<Template> {
    let meaning = |grade: &device::Grade| {
        let score = grade.score_0_100;
        if !score.is_finite() {
            return Err(Error::Field("template.grades.score_0_100"));
        }
        Ok((grade.value, Meaning { score, satisfied: grade.satisfied, bad: grade.bad }))
    };
    let or = |value: i32, default: i32| if value == 0 { default } else { value };
    Ok(Template {
        id: required("templates", &definition.name, "template.name")?,
        items: definition.items.iter().map(|item| item.code.clone()).collect(),
        scale_min: definition.scale_min,
        scale_max: definition.scale_max,
        grades: definition.grades.iter().map(meaning).collect::<Result<_>>()?,
        nps: (definition.scale_min, definition.scale_max) == (0, 10),
        satisfied_from: or(definition.satisfied_from, SATISFIED_FROM_DEFAULT),
        bad_to: or(definition.bad_to, BAD_TO_DEFAULT),
    })
}

/// The id that a name must give.
pub fn required(collection: &str, name: &str, field: &'static str) -> Result<Uuid> {
    names::parse(collection, name).filter(|id| !id.is_nil()).ok_or(Error::Field(field))
}

/// The id of a name, nil for an empty one.
pub fn optional(collection: &str, name: &str, field: &'static str) -> Result<Uuid> {
    if name.is_empty() { Ok(Uuid::nil()) } else { required(collection, name, field) }
}

/// A moment that must be there.
pub fn time_us(value: Option<&prost_types::Timestamp>, field: &'static str) -> Result<i64> {
    value.map(time::to_us).ok_or(Error::Field(field))
}

#[cfg(test)]
mod tests {
    use proto::device::v1::{Event, ItemGrade, RatingChange};

    use super::*;

    fn bytes(facts: RatingFacts) -> Vec<u8> {
        let change = RatingChange { assert: Some(facts), ..Default::default() };
        let organisation = names::print("organisations", Uuid::from_u128(1));
        let event = Event { organisation, change: Some(Kind::Rating(change)) };
        Events { items: vec![event] }.encode_to_vec()
    }

    fn facts() -> RatingFacts {
        RatingFacts {
            site: names::print("units", Uuid::from_u128(2)),
            template: names::print("templates", Uuid::from_u128(3)),
            grades: vec![ItemGrade { item: "overall".to_owned(), grade: 5 }],
            press_time: Some(time::from_us(7)),
            ..Default::default()
        }
    }

    #[test]
    fn facts_of_a_rating_are_read() {
        let contents = read(&bytes(facts())).unwrap();
        let Fact::Rating(rating) = &contents.changes[0].fact else { panic!("no rating") };
        assert_eq!((rating.time_us, rating.place.window), (7, Uuid::nil()));
        assert!(contents.changes[0].holds);
    }

    #[test]
    fn facts_that_cannot_be_counted_are_refused() {
        type Spoil = fn(&mut RatingFacts);
        let spoils: [(Spoil, &str); 6] = [
            (|f| f.site.clear(), "site"),
            (|f| f.window = "units/x".to_owned(), "window"),
            (|f| f.template.clear(), "rating.template"),
            (|f| f.press_time = None, "rating.press_time"),
            (|f| f.grades[0].grade = 110, "rating.grades.grade"),
            (|f| f.grades.push(ItemGrade::default()), "rating.grades.item"),
        ];
        for (spoil, field) in spoils {
            let mut spoiled = facts();
            spoil(&mut spoiled);
            assert_eq!(read(&bytes(spoiled)), Err(Error::Field(field)));
        }
        assert!(matches!(read(b"\xff\xff"), Err(Error::Malformed(_))));
    }
}
