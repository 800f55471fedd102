//! A press on a device: what was sent, whether it fits its template, and to which service it
//! belongs.

use uuid::Uuid;

use crate::{clock_correction::Reading, receipt::ContentHash, template::Template};

/// Most characters of a comment.
pub const COMMENT_CHARS_MAX: usize = 2_000;
/// Longest time since boot that is believed: about 30 years.
pub const MONOTONIC_MS_MAX: i64 = 1_000_000_000_000;

/// The grade of one further item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemGrade {
    /// Code of the item.
    pub item: String,
    /// What was pressed.
    pub grade: i32,
}

/// One press as its sender describes it. Nothing in it is found out by the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Press {
    /// The sender's id.
    pub rating_id: Uuid,
    /// Epoch of the device.
    pub epoch: i64,
    /// Sequence in the epoch.
    pub sequence: i64,
    /// Template; absent means the device's own or the organisation's default.
    pub template: Option<Uuid>,
    /// Overall grade.
    pub grade: i32,
    /// Grades of further items.
    pub item_grades: Vec<ItemGrade>,
    /// Codes of reasons.
    pub reasons: Vec<String>,
    /// Comment or empty.
    pub comment: String,
    /// Encounter, if the sender knows it.
    pub encounter: Option<Uuid>,
    /// Press time by the device's clock.
    pub device_us: Option<i64>,
    /// Monotonic clock at the press.
    pub monotonic_ms: i64,
    /// Boot of the press.
    pub boot_id: String,
    /// Time between question and press; 0 if unknown.
    pub response_ms: i32,
}

impl Press {
    /// Clock readings at the press.
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            device_us: self.device_us,
            monotonic_ms: self.monotonic_ms,
            boot_id: &self.boot_id,
        }
    }

    /// Hash of everything that was sent; a repetition has the same.
    pub fn content_hash(&self) -> i64 {
        self.hash(0).finish()
    }

    /// The hash before it is closed, for messages that carry more than a press.
    pub fn hash(&self, kind: u8) -> ContentHash {
        let mut hash = ContentHash::new(kind);
        hash.number(self.epoch)
            .number(self.sequence)
            .id(self.template)
            .number(self.grade.into())
            .number(self.item_grades.len() as i64);
        for item in &self.item_grades {
            hash.text(&item.item).number(item.grade.into());
        }
        hash.number(self.reasons.len() as i64);
        for reason in &self.reasons {
            hash.text(reason);
        }
        hash.text(&self.comment)
            .id(self.encounter)
            .number_opt(self.device_us)
            .number(self.monotonic_ms)
            .text(&self.boot_id)
            .number(self.response_ms.into());
        hash
    }
}

/// Why a press does not fit its template. Names the field as the contract does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The overall grade is not on the scale.
    #[error("is not on the scale of the template")]
    Grade,
    /// A further item is unknown, the overall one, or named twice.
    #[error("names an item that the template does not have, or one item twice")]
    Item,
    /// The grade of a further item is not on the scale.
    #[error("has a grade that is not on the scale of the template")]
    ItemGrade,
    /// A reason is not one of the template.
    #[error("names a reason that the template does not have")]
    Reason,
}

impl Misfit {
    /// The field that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::Grade => "grade",
            Self::Item | Self::ItemGrade => "itemGrades",
            Self::Reason => "reasons",
        }
    }
}

/// Checks a press against its template.
///
/// # Errors
/// The first thing that does not fit.
pub fn check(press: &Press, template: &Template) -> Result<(), Misfit> {
    if !template.on_scale(press.grade) {
        return Err(Misfit::Grade);
    }
    for (index, item) in press.item_grades.iter().enumerate() {
        let known = template.items.iter().skip(1).any(|further| further.code == item.item);
        let twice = press.item_grades[..index].iter().any(|other| other.item == item.item);
        if !known || twice {
            return Err(Misfit::Item);
        }
        if !template.on_scale(item.grade) {
            return Err(Misfit::ItemGrade);
        }
    }
    // A reason of another grade is a device's matter and no cause to lose a rating. A scale of
    // 0 to 100 has no place for reasons, so its devices name their own.
    let listed = |code: &String| {
        let mut reasons = template.grades.iter().flat_map(|grade| &grade.reasons);
        reasons.any(|reason| reason.code == *code)
    };
    if !template.grades.is_empty() && !press.reasons.iter().all(listed) {
        return Err(Misfit::Reason);
    }
    Ok(())
}

/// A service at the window to which a press might belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// First time known of it.
    pub from_us: i64,
    /// When it ended; absent while it lasts.
    pub finish_us: Option<i64>,
    /// When its customer was asked.
    pub prompt_us: Option<i64>,
    /// Whether it has a rating.
    pub rated: bool,
}

/// Longest service that is believed when its end was never reported.
pub const SERVICE_US_MAX: i64 = 4 * 3_600_000_000;

/// The service that a press at `press_us` belongs to, as an index into `services`: one that
/// lasts or ended within the grace. Unrated before rated, asked before not asked, then the
/// latest.
pub fn service_at(press_us: i64, services: &[Open], grace_us: i64) -> Option<usize> {
    let fits = |s: &Open| {
        let end_us = s.finish_us.map_or(s.from_us.saturating_add(SERVICE_US_MAX), |us| {
            us.max(s.prompt_us.unwrap_or(us)).saturating_add(grace_us)
        });
        (s.from_us..=end_us).contains(&press_us)
    };
    let rank = |s: &Open| {
        let asked = s.prompt_us.is_some_and(|us| us <= press_us);
        (!s.rated, asked, s.from_us)
    };
    let fitting = services.iter().enumerate().filter(|(_, s)| fits(s));
    fitting.max_by_key(|(index, s)| (rank(s), *index)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Grade, Item, Reason, Texts};

    fn faces() -> Template {
        let reason = |code: &&str| Reason { code: (*code).to_owned(), label: Texts::new() };
        let grade = |value: i32, reasons: &[&str]| Grade {
            value,
            label: Texts::new(),
            score: f64::from((value - 1) * 25),
            face: String::new(),
            satisfied: value == 3,
            bad: value <= 2,
            reasons: reasons.iter().map(reason).collect(),
        };
        let item = |code: &str| Item { code: code.into(), text: Texts::new() };
        Template {
            id: Uuid::from_u128(1),
            org: Uuid::from_u128(2),
            display_name: "faces".into(),
            items: vec![item("overall"), item("speed"), item("manner")],
            grades: vec![grade(1, &["rude", "slow"]), grade(2, &["slow"]), grade(3, &[])],
            scale_min: 1,
            scale_max: 3,
            satisfied_from: 0,
            bad_to: 0,
            prompt: Texts::new(),
            prompt_timeout_s: 20,
            comment_allowed: true,
            valid_from_us: None,
            valid_to_us: None,
            is_default: false,
            create_us: 0,
            retire_us: None,
        }
    }

    fn item(item: &str, grade: i32) -> ItemGrade {
        ItemGrade { item: item.into(), grade }
    }

    #[test]
    fn a_press_fits_its_template_or_names_the_field() {
        let check = |grade: i32, items: &[ItemGrade], reasons: &[&str], want| {
            let press = Press {
                grade,
                item_grades: items.to_vec(),
                reasons: reasons.iter().map(|r| (*r).to_owned()).collect(),
                ..Press::default()
            };
            assert_eq!(super::check(&press, &faces()), want, "{press:?}");
        };
        check(3, &[], &[], Ok(()));
        check(1, &[item("speed", 1), item("manner", 3)], &["rude"], Ok(()));
        check(0, &[], &[], Err(Misfit::Grade));
        check(4, &[], &[], Err(Misfit::Grade));
        check(1, &[item("other", 1)], &[], Err(Misfit::Item));
        check(1, &[item("overall", 1)], &[], Err(Misfit::Item));
        check(1, &[item("speed", 1), item("speed", 2)], &[], Err(Misfit::Item));
        check(1, &[item("speed", 9)], &[], Err(Misfit::ItemGrade));
        check(3, &[], &["weather"], Err(Misfit::Reason));
    }

    #[test]
    fn a_scale_to_a_hundred_takes_the_reasons_of_its_devices() {
        let scale = Template { grades: vec![], scale_min: 0, scale_max: 100, ..faces() };
        let press = Press { grade: 100, reasons: vec!["own".into()], ..Press::default() };
        assert_eq!(check(&press, &scale), Ok(()));
        assert_eq!(check(&Press { grade: 101, ..press }, &scale), Err(Misfit::Grade));
    }

    #[test]
    fn any_change_of_content_changes_the_hash() {
        let base = Press { grade: 5, comment: "好".into(), ..Press::default() };
        let changed = [
            Press { grade: 4, ..base.clone() },
            Press { comment: "坏".into(), ..base.clone() },
            Press { reasons: vec!["slow".into()], ..base.clone() },
            Press { item_grades: vec![item("speed", 5)], ..base.clone() },
            Press { device_us: Some(0), ..base.clone() },
            Press { sequence: 1, ..base.clone() },
            Press { encounter: Some(Uuid::from_u128(1)), ..base.clone() },
        ];
        for press in changed {
            assert_ne!(press.content_hash(), base.content_hash(), "{press:?}");
        }
        assert_eq!(base.content_hash(), base.clone().content_hash());
    }

    #[test]
    fn a_press_belongs_to_the_service_that_waits_for_it() {
        const MINUTE: i64 = 60_000_000;
        let open = |from: i64, finish: Option<i64>, prompt: Option<i64>, rated: bool| Open {
            from_us: from * MINUTE,
            finish_us: finish.map(|m| m * MINUTE),
            prompt_us: prompt.map(|m| m * MINUTE),
            rated,
        };
        let check = |services: &[Open], minute: i64, want: Option<usize>| {
            assert_eq!(service_at(minute * MINUTE, services, 5 * MINUTE), want, "{minute}");
        };
        check(&[], 10, None);
        let one = [open(10, Some(20), None, false)];
        check(&one, 9, None);
        check(&one, 10, Some(0));
        check(&one, 25, Some(0));
        check(&one, 26, None);
        // The next customer sits down while the last one is still being asked.
        let two = [open(10, Some(20), Some(20), false), open(21, None, None, false)];
        check(&two, 22, Some(0));
        check(&two, 30, Some(1));
        let rated = [open(10, Some(20), Some(20), true), open(21, None, None, false)];
        check(&rated, 22, Some(1));
        check(&rated[..1], 22, Some(0));
        // One whose end was never reported does not stay open for ever.
        check(&[open(0, None, None, false)], 5 * 60, None);
    }
}
