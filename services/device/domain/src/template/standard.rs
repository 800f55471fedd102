//! The template of an organisation that has made none: five grades, Chinese and English.

use uuid::Uuid;

use super::{Draft, GradeDraft, Item, Reason, Template, Texts};

/// Value, face, Chinese and English label of the five grades.
const GRADES: [(i32, &str, &str, &str); 5] = [
    (1, "angry", "非常不满意", "Very dissatisfied"),
    (2, "sad", "不满意", "Dissatisfied"),
    (3, "neutral", "基本满意", "Fairly satisfied"),
    (4, "smile", "满意", "Satisfied"),
    (5, "laugh", "非常满意", "Very satisfied"),
];

/// Code, Chinese and English label of the reasons for the two bad grades.
const REASONS: [(&str, &str, &str); 6] = [
    ("waiting", "等候时间长", "Long wait"),
    ("attitude", "服务态度差", "Unfriendly service"),
    ("slow", "办理速度慢", "Slow handling"),
    ("skill", "业务不熟练", "Lack of skill"),
    ("procedure", "流程繁琐", "Complicated procedure"),
    ("other", "其他", "Other"),
];

/// The built-in default template. `id` is derived from the organisation, so that it is the
/// same whoever makes it first.
pub fn standard(id: Uuid, org: Uuid, create_us: i64) -> Template {
    let grades = GRADES.iter().map(|(value, face, zh, en)| GradeDraft {
        value: *value,
        label: texts(zh, en),
        face: (*face).to_owned(),
        reasons: if *value <= 2 { reasons() } else { Vec::new() },
        ..GradeDraft::default()
    });
    let draft = Draft {
        display_name: "五级满意度 / Five grades".to_owned(),
        items: vec![Item {
            code: "overall".to_owned(),
            text: texts("您对本次服务满意吗？", "How satisfied are you with this service?"),
        }],
        grades: grades.collect(),
        prompt: texts("请您对本次服务进行评价", "Please rate this service"),
        comment_allowed: true,
        is_default: true,
        ..Draft::default()
    };
    draft.finish(id, org, create_us).expect("the built-in template is sound: tested below")
}

fn reasons() -> Vec<Reason> {
    let reason = |(code, zh, en): &(&str, &str, &str)| Reason {
        code: (*code).to_owned(),
        label: texts(zh, en),
    };
    REASONS.iter().map(reason).collect()
}

fn texts(zh: &str, en: &str) -> Texts {
    [("zh-CN".to_owned(), zh.to_owned()), ("en".to_owned(), en.to_owned())].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_template_has_five_grades_in_two_languages_and_reasons_for_the_low_ones() {
        let template = standard(Uuid::from_u128(1), Uuid::from_u128(2), 3);
        assert_eq!(template.grades.len(), 5);
        assert!(template.grades.iter().all(|grade| grade.label.len() == 2));
        assert!(template.has_reason(1, "waiting") && template.has_reason(2, "other"));
        assert!(!template.has_reason(5, "waiting"));
        assert!(template.is_default && template.is_shown_at(i64::MAX));
    }
}
