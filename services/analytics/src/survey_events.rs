//! Reads the survey feed: events of the contract become facts and definitions of the domain.

use analytics_domain::{
    answer::{Answer, AnswerPlace, Item, Response, ResponseChange, Version},
    fact::Grade,
    template::Meaning,
};
use prost::Message as _;
use proto::{
    survey::v1::{
        self as survey, Events, ItemAnswer, ResponseFacts, event::Change as Kind, item_answer,
    },
    time,
};
use uuid::Uuid;

use crate::{
    events::{Contents, Error, optional, required, time_us},
    store::questionnaires::Class,
};

type Result<T> = std::result::Result<T, Error>;

/// Reads the packed events of a group. Events that figures do not need are passed over.
///
/// # Errors
/// [`Error`]; nothing of the group may be used then.
pub fn read(bytes: &[u8]) -> Result<Contents> {
    let mut contents = Contents::default();
    for event in Events::decode(bytes)?.items {
        let org = required("organisations", &event.organisation, "organisation")?;
        match event.change {
            Some(Kind::Response(change)) => {
                let id = required("responses", &change.response, "response")?;
                for (facts, holds) in [(&change.retract, false), (&change.assert, true)] {
                    let Some(facts) = facts else { continue };
                    let response = response(org, id, facts)?;
                    contents.responses.push(ResponseChange { response, holds });
                }
            }
            Some(Kind::Version(items)) => contents.versions.push((org, version(&items)?)),
            Some(Kind::CustomerClass(class)) => {
                if !(class.weight.is_finite() && class.weight >= 0.0) {
                    return Err(Error::Field("customer_class.weight"));
                }
                let field = "customer_class.customer_class";
                let id = required("customerClasses", &class.customer_class, field)?;
                let name = class.name.into_iter().collect();
                contents.classes.push((org, Class { id, name, weight: class.weight }));
            }
            Some(Kind::InvitationDue(_)) | None => {}
        }
    }
    Ok(contents)
}

fn response(org: Uuid, id: Uuid, facts: &ResponseFacts) -> Result<Response> {
    let place = AnswerPlace {
        org,
        site: required("units", &facts.site, "response.site")?,
        unit: required("units", &facts.unit, "response.unit")?,
        staff: optional("staff", &facts.staff, "response.staff")?,
        campaign: optional("campaigns", &facts.campaign, "response.campaign")?,
        questionnaire: required("questionnaires", &facts.questionnaire, "response.questionnaire")?,
        version: facts.version,
        customer_class: optional("customerClasses", &facts.customer_class, "response.class")?,
        channel: i16::try_from(facts.channel).map_err(|_| Error::Field("response.channel"))?,
        suspect: facts.suspect,
        anonymous: facts.anonymous,
    };
    let mut answers = Vec::with_capacity(facts.answers.len());
    for answer in &facts.answers {
        if let Some(read) = self::answer(answer)? {
            answers.push((answer.item.clone(), read));
        }
    }
    let time_us = time_us(facts.submit_time.as_ref(), "response.submit_time")?;
    let site_since_us = time::to_us_opt(facts.site_since.as_ref());
    Ok(Response { id, place, time_us, site_since_us, answers })
}

fn answer(answer: &ItemAnswer) -> Result<Option<Answer>> {
    if answer.item.is_empty() || answer.item.contains('\0') {
        return Err(Error::Field("response.answers.item"));
    }
    Ok(match &answer.value {
        Some(item_answer::Value::Grade(grade)) => {
            let grade = Grade::new(*grade).ok_or(Error::Field("response.answers.grade"))?;
            Some(Answer::Grade(grade))
        }
        Some(item_answer::Value::Options(options)) => {
            if options.ids.iter().any(|id| id.is_empty() || id.contains('\0')) {
                return Err(Error::Field("response.answers.options"));
            }
            Some(Answer::Options(options.ids.clone()))
        }
        Some(item_answer::Value::Number(number)) if number.is_finite() => {
            Some(Answer::Number(*number))
        }
        Some(item_answer::Value::Number(_)) => {
            return Err(Error::Field("response.answers.number"));
        }
        Some(item_answer::Value::NotApplicable(_)) => Some(Answer::NotApplicable),
        Some(item_answer::Value::Refused(_)) => Some(Answer::Refused),
        None => None,
    })
}

fn version(version: &survey::VersionItems) -> Result<Version> {
    Ok(Version {
        questionnaire: required("questionnaires", &version.questionnaire, "version.questionnaire")?,
        version: version.version,
        items: version.items.iter().map(item).collect::<Result<_>>()?,
        hash: version.hash.clone(),
    })
}

fn item(item: &survey::Item) -> Result<Item> {
    let mut grades = Vec::new();
    for (grade, score) in (item.grade_min..=item.grade_max).zip(&item.scores_0_100) {
        if !score.is_finite() {
            return Err(Error::Field("version.items.scores_0_100"));
        }
        let satisfied = item.satisfied_grades.contains(&grade);
        let bad = item.bad_grades.contains(&grade);
        grades.push((grade, Meaning { score: *score, satisfied, bad }));
    }
    Ok(Item {
        id: item.id.clone(),
        scale: (!grades.is_empty()).then_some((item.grade_min, item.grade_max)),
        grades,
        nps: item.nps,
        options: item.options.iter().map(|option| option.id.clone()).collect(),
        section: item.section.clone(),
    })
}

#[cfg(test)]
mod tests {
    use proto::{
        names,
        survey::v1::{Event, ResponseChange as Change},
    };

    use super::*;

    fn facts() -> ResponseFacts {
        let grade = item_answer::Value::Grade(4);
        ResponseFacts {
            unit: names::print("units", Uuid::from_u128(2)),
            site: names::print("units", Uuid::from_u128(2)),
            questionnaire: names::print("questionnaires", Uuid::from_u128(3)),
            version: 1,
            submit_time: Some(time::from_us(7)),
            answers: vec![ItemAnswer { item: "q1".to_owned(), value: Some(grade) }],
            ..Default::default()
        }
    }

    fn read_one(facts: ResponseFacts) -> Result<Contents> {
        let response = names::print("responses", Uuid::from_u128(9));
        let change = Change { response, assert: Some(facts), ..Default::default() };
        let organisation = names::print("organisations", Uuid::from_u128(1));
        let event = Event { organisation, change: Some(Kind::Response(change)) };
        read(&Events { items: vec![event] }.encode_to_vec())
    }

    #[test]
    fn facts_of_a_response_are_read() {
        let contents = read_one(facts()).unwrap();
        let change = &contents.responses[0];
        assert!(change.holds);
        assert_eq!(change.response.answers[0].1, Answer::Grade(Grade::new(4).unwrap()));
    }

    #[test]
    fn facts_that_cannot_be_counted_are_refused() {
        type Spoil = fn(&mut ResponseFacts);
        let spoils: [(Spoil, &str); 6] = [
            (|f| f.site.clear(), "response.site"),
            (|f| f.unit = "units/x".to_owned(), "response.unit"),
            (|f| f.questionnaire.clear(), "response.questionnaire"),
            (|f| f.submit_time = None, "response.submit_time"),
            (|f| f.answers[0].item.clear(), "response.answers.item"),
            (
                |f| f.answers[0].value = Some(item_answer::Value::Number(f64::NAN)),
                "response.answers.number",
            ),
        ];
        for (spoil, field) in spoils {
            let mut spoiled = facts();
            spoil(&mut spoiled);
            assert_eq!(read_one(spoiled), Err(Error::Field(field)));
        }
        assert!(matches!(read(b"\xff\xff"), Err(Error::Malformed(_))));
    }
}
