//! Templates.

use device_domain::template::{Draft, Grade, GradeDraft, Item, Reason, Template};
use kit::error::{Result, ServiceError};
use prost::Message as _;
use proto::{device::v1, names, time};
use uuid::Uuid;

use super::{texts_of, texts_to};

/// The template as the contract shows it.
pub fn to_proto(template: &Template) -> v1::Template {
    v1::Template {
        name: names::print("templates", template.id),
        display_name: template.display_name.clone(),
        items: template.items.iter().map(item_to).collect(),
        grades: template.grades.iter().map(grade_to).collect(),
        scale_min: template.scale_min,
        scale_max: template.scale_max,
        satisfied_from: template.satisfied_from,
        bad_to: template.bad_to,
        prompt: texts_to(&template.prompt),
        prompt_timeout_s: template.prompt_timeout_s,
        comment_allowed: template.comment_allowed,
        valid_from: time::from_us_opt(template.valid_from_us),
        valid_to: time::from_us_opt(template.valid_to_us),
        default_template: template.is_default,
        create_time: Some(time::from_us(template.create_us)),
        retire_time: time::from_us_opt(template.retire_us),
    }
}

/// What somebody wants to ask.
pub fn draft_of(template: v1::Template) -> Draft {
    Draft {
        display_name: template.display_name,
        items: template.items.into_iter().map(item_of).collect(),
        grades: template.grades.into_iter().map(grade_draft_of).collect(),
        scale_min: template.scale_min,
        scale_max: template.scale_max,
        satisfied_from: template.satisfied_from,
        bad_to: template.bad_to,
        prompt: texts_of(template.prompt),
        prompt_timeout_s: template.prompt_timeout_s,
        comment_allowed: template.comment_allowed,
        valid_from_us: time::to_us_opt(template.valid_from.as_ref()),
        valid_to_us: time::to_us_opt(template.valid_to.as_ref()),
        is_default: template.default_template,
    }
}

/// The part that never changes, as it is stored.
pub fn to_body(template: &Template) -> Vec<u8> {
    let mut message = to_proto(template);
    message.name.clear();
    message.default_template = false;
    message.create_time = None;
    message.retire_time = None;
    message.encode_to_vec()
}

/// Reads [`to_body`]. What may change is left at "never".
pub fn of_body(id: Uuid, org: Uuid, body: &[u8]) -> Result<Template> {
    let message = v1::Template::decode(body)
        .map_err(|error| ServiceError::internal(format!("template row {id}: {error}")))?;
    // Stored templates were checked when they were made; rules of today are not for them.
    Ok(Template {
        id,
        org,
        display_name: message.display_name,
        items: message.items.into_iter().map(item_of).collect(),
        grades: message.grades.into_iter().map(grade_of).collect(),
        scale_min: message.scale_min,
        scale_max: message.scale_max,
        satisfied_from: message.satisfied_from,
        bad_to: message.bad_to,
        prompt: texts_of(message.prompt),
        prompt_timeout_s: message.prompt_timeout_s,
        comment_allowed: message.comment_allowed,
        valid_from_us: time::to_us_opt(message.valid_from.as_ref()),
        valid_to_us: time::to_us_opt(message.valid_to.as_ref()),
        is_default: false,
        create_us: 0,
        retire_us: None,
    })
}

fn item_to(item: &Item) -> v1::TemplateItem {
    v1::TemplateItem { code: item.code.clone(), text: texts_to(&item.text) }
}

fn item_of(item: v1::TemplateItem) -> Item {
    Item { code: item.code, text: texts_of(item.text) }
}

fn grade_to(grade: &Grade) -> v1::Grade {
    let reason = |r: &Reason| v1::Reason { code: r.code.clone(), label: texts_to(&r.label) };
    v1::Grade {
        value: grade.value,
        label: texts_to(&grade.label),
        score_0_100: grade.score,
        face: grade.face.clone(),
        reasons: grade.reasons.iter().map(reason).collect(),
        satisfied: grade.satisfied,
        bad: grade.bad,
    }
}

fn grade_of(grade: v1::Grade) -> Grade {
    let draft = grade_draft_of(grade);
    Grade {
        value: draft.value,
        label: draft.label,
        score: draft.score,
        face: draft.face,
        reasons: draft.reasons,
        satisfied: draft.satisfied,
        bad: draft.bad,
    }
}

fn grade_draft_of(grade: v1::Grade) -> GradeDraft {
    let reason = |r: v1::Reason| Reason { code: r.code, label: texts_of(r.label) };
    GradeDraft {
        value: grade.value,
        label: texts_of(grade.label),
        score: grade.score_0_100,
        face: grade.face,
        reasons: grade.reasons.into_iter().map(reason).collect(),
        satisfied: grade.satisfied,
        bad: grade.bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_template_is_read_as_it_was() {
        let (id, org) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let template = device_domain::template::standard(id, org, 7);
        let mut read = of_body(id, org, &to_body(&template)).unwrap();
        (read.is_default, read.create_us) = (true, 7);
        assert_eq!(read, template);
        let drafted = draft_of(to_proto(&template)).finish(id, org, 7).unwrap();
        assert_eq!(drafted, template);
    }
}
