//! Writes figures as messages of the contract.

use std::{cell::RefCell, collections::HashMap};

use analytics_domain::{
    answer::Joined,
    figure::{Differences, Figure, Share, Templates},
    intervals::{Interval, MeanEstimate},
    time::Bucket,
};
use kit::directory::OrgView;
use proto::{
    analytics::v1::{
        self as api, Comparison, Difference, Exclusion, FigureRow, GradeCount, GroupKey,
        JoinedVersions, Mean, Nps, QueryFiguresResponse,
    },
    device::v1::Channel,
    names,
    survey::v1::ResponseChannel,
    time,
};
use uuid::Uuid;

use crate::figures::{Answer, Earlier, Key, Part, Question, Row};

/// Printed for what a rating or encounter does not have.
const NONE: &str = "-";
/// Code of the overall item of a template that is not known.
const OVERALL: &str = "overall";

/// The whole answer.
pub fn response(view: &OrgView, answer: &Answer, question: &Question) -> QueryFiguresResponse {
    let bucket = question.bucket();
    let classes = &answer.classes;
    let writer = Writer::new(view, &answer.templates, classes, bucket);
    let include_distrusted = question.filter.include_distrusted;
    QueryFiguresResponse {
        rows: answer.rows.iter().map(|row| writer.row(row)).collect(),
        total: Some(writer.row(&answer.total)),
        as_of: Some(time::from_us(answer.mark.as_of_us)),
        watermark: answer.mark.position.clone(),
        from: Some(time::from_us(answer.period.from_us)),
        to: Some(time::from_us(answer.period.to_us)),
        time_zone: answer.zone.clone(),
        exclusions: exclusions(&answer.total, include_distrusted),
        definition_hash: answer.definition.clone(),
        joined_versions: answer.joined.iter().map(joined).collect(),
    }
}

/// Writes rows with names as they are now.
pub struct Writer<'a> {
    view: &'a OrgView,
    templates: &'a Templates,
    classes: &'a HashMap<Uuid, String>,
    bucket: Option<Bucket>,
    /// Labels of times that were written: wide answers repeat the same few for every unit.
    labels: RefCell<HashMap<i64, String>>,
}

impl<'a> Writer<'a> {
    /// `view` knows the names of units and staff, `classes` those of customer classes,
    /// `templates` the items; `bucket` is how time is cut.
    pub fn new(
        view: &'a OrgView,
        templates: &'a Templates,
        classes: &'a HashMap<Uuid, String>,
        bucket: Option<Bucket>,
    ) -> Self {
        Self { view, templates, classes, bucket, labels: RefCell::default() }
    }

    /// One row.
    pub fn row(&self, row: &Row) -> FigureRow {
        let figure = &row.figure;
        let key = Some(self.key(&row.key, row.answers.is_some()));
        if row.suppressed {
            return FigureRow { key, suppressed: true, ..Default::default() };
        }
        let answers = row.answers.unwrap_or_default();
        FigureRow {
            key,
            served: int(figure.served),
            prompted: int(figure.prompted),
            rated_encounters: int(figure.rated),
            n: int(figure.n),
            coverage: Some(share(&figure.coverage)),
            prompt_rate: Some(share(&figure.prompt_rate)),
            grades: grades(figure),
            score_0_100: Some(mean(&figure.score)),
            csat: Some(share(&figure.csat)),
            csat_with_defaulted: Some(share(&figure.csat_with_defaulted)),
            nps: figure.nps.as_ref().map(nps),
            bad_share: Some(share(&figure.bad)),
            bad_per_10000: figure.bad.value().map(|value| value * 10_000.0),
            defaulted: int(figure.defaulted),
            skipped: int(figure.skipped),
            timed_out: int(figure.timed_out),
            distrusted: int(figure.distrusted),
            service_s: figure.service_s,
            waiting_s: figure.waiting_s,
            comparison: row.earlier.as_ref().map(comparison),
            // Only answers that promise anonymity are hidden in small groups; a rating at a
            // window promises none.
            suppressed: false,
            responses: int(answers.responses),
            not_applicable: int(answers.not_applicable),
            refused: int(answers.refused),
            answers: int(answers.answers),
            numbers: row.numbers.as_ref().map(mean),
        }
    }

    fn key(&self, key: &Key, of_answers: bool) -> GroupKey {
        let mut out = GroupKey::default();
        let mut shown = None;
        for part in &key.0 {
            match part {
                Part::Unit(id) => {
                    out.unit = name("units", *id);
                    shown = shown.or_else(|| self.unit_name(*id));
                }
                Part::Window(id) => {
                    out.window = name("units", *id);
                    shown = shown.or_else(|| self.unit_name(*id));
                }
                Part::Staff(id) => {
                    out.staff = name("staff", *id);
                    let staff = self.view.staff(*id).map(|staff| staff.display_name.clone());
                    shown = shown.or(staff);
                }
                Part::BusinessType(code) => out.business_type = or_none(code),
                Part::Channel(0) => out.channel = NONE.to_owned(),
                Part::Channel(number) => out.channel = channel(*number, of_answers),
                Part::Item(template, _) if template.is_nil() => {
                    out.template = NONE.to_owned();
                    out.item = NONE.to_owned();
                }
                Part::Item(template, item) => {
                    out.template = names::print("templates", *template);
                    out.item = self.item(*template, item);
                }
                Part::Time(number) => self.time(*number, &mut out),
                Part::Question(questionnaire, item) => {
                    out.questionnaire = name("questionnaires", *questionnaire);
                    out.item.clone_from(item);
                }
                Part::Choice(questionnaire, item, option) => {
                    out.questionnaire = name("questionnaires", *questionnaire);
                    out.item.clone_from(item);
                    out.option.clone_from(option);
                }
                Part::CustomerClass(id) => {
                    out.customer_class = name("customerClasses", *id);
                    shown = shown.or_else(|| self.classes.get(id).cloned());
                }
                Part::Questionnaire(id) => out.questionnaire = name("questionnaires", *id),
                Part::Version(id, version) => {
                    out.questionnaire = name("questionnaires", *id);
                    out.version = *version;
                }
                Part::Campaign(id) => out.campaign = name("campaigns", *id),
            }
        }
        out.display_name = shown.unwrap_or_default();
        out
    }

    fn time(&self, number: i64, out: &mut GroupKey) {
        match self.bucket {
            Some(Bucket::WeekdayHour) => {
                let part = |value: i64| i32::try_from(value).unwrap_or_default();
                out.weekday = part(number / 24 + 1);
                out.hour = part(number % 24);
            }
            Some(bucket) => {
                let mut labels = self.labels.borrow_mut();
                let label = labels.entry(number).or_insert_with(|| bucket.label(number));
                out.period.clone_from(label);
            }
            None => {}
        }
    }

    fn item(&self, template: Uuid, item: &str) -> String {
        if !item.is_empty() {
            return item.to_owned();
        }
        let first = self.templates.get(&template).and_then(|template| template.items.first());
        first.map_or(OVERALL, String::as_str).to_owned()
    }

    fn unit_name(&self, id: Uuid) -> Option<String> {
        self.view.unit(id).map(|unit| unit.display_name.clone())
    }
}

fn name(collection: &str, id: Uuid) -> String {
    if id.is_nil() { NONE.to_owned() } else { names::print(collection, id) }
}

fn channel(number: i16, of_answers: bool) -> String {
    let number = i32::from(number);
    let name = if of_answers {
        ResponseChannel::try_from(number).unwrap_or_default().as_str_name()
    } else {
        Channel::try_from(number).unwrap_or_default().as_str_name()
    };
    name.to_owned()
}

/// Versions that were counted together, with the reason in words.
pub fn joined(joined: &Joined) -> JoinedVersions {
    let same_items = joined.differing.is_empty();
    let why = match (joined.versions.len(), same_items) {
        (0 | 1, _) => "one version".to_owned(),
        (_, true) => "every counted item has the same scale, scores and options in all of these \
                      versions"
            .to_owned(),
        (_, false) => format!(
            "these items differ between the versions and are scored each by its own version's \
             table: {}",
            joined.differing.join(", ")
        ),
    };
    JoinedVersions {
        questionnaire: names::print("questionnaires", joined.questionnaire),
        versions: joined.versions.clone(),
        same_items,
        differing_items: joined.differing.clone(),
        why,
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { NONE.to_owned() } else { text.to_owned() }
}

fn grades(figure: &Figure) -> Vec<GradeCount> {
    let counts = figure.grades.iter().flatten();
    counts.map(|(grade, count)| GradeCount { grade: *grade, count: int(*count) }).collect()
}

fn share(share: &Share) -> api::Share {
    api::Share {
        value: share.value(),
        low: share.interval.map(|interval| interval.low),
        high: share.interval.map(|interval| interval.high),
        numerator: int(share.numerator),
        denominator: int(share.denominator),
    }
}

fn mean(mean: &MeanEstimate) -> Mean {
    Mean {
        value: mean.mean,
        low: mean.interval.map(|interval| interval.low),
        high: mean.interval.map(|interval| interval.high),
        sd: mean.sd,
        n: int(mean.n),
    }
}

fn nps(nps: &analytics_domain::figure::Nps) -> Nps {
    Nps {
        value: nps.estimate.map(|estimate| estimate.nps),
        low: nps.estimate.map(|estimate| estimate.interval.low),
        high: nps.estimate.map(|estimate| estimate.interval.high),
        promoters: int(nps.promoters),
        passives: int(nps.passives),
        detractors: int(nps.detractors),
    }
}

fn comparison(earlier: &Earlier) -> Comparison {
    let Differences { csat, score } = &earlier.differences;
    let difference = |value: Option<f64>, interval: Option<Interval>, p_value: Option<f64>| {
        let low = interval.map(|interval| interval.low);
        Difference { value, low, high: interval.map(|interval| interval.high), p_value }
    };
    Comparison {
        from: Some(time::from_us(earlier.from_us)),
        to: Some(time::from_us(earlier.to_us)),
        n: int(earlier.figure.n),
        csat: Some(share(&earlier.figure.csat)),
        score_0_100: Some(mean(&earlier.figure.score)),
        csat_difference: Some(difference(
            csat.map(|d| d.difference),
            csat.map(|d| d.interval),
            csat.and_then(|d| d.p_value),
        )),
        score_difference: Some(difference(
            score.map(|d| d.difference),
            score.and_then(|d| d.interval),
            score.and_then(|d| d.p_value),
        )),
    }
}

fn exclusions(row: &Row, include_distrusted: bool) -> Vec<Exclusion> {
    if row.suppressed {
        return Vec::new();
    }
    let total = &row.figure;
    let distrusted = if include_distrusted { 0 } else { total.distrusted };
    let of_answers = row.answers.is_some();
    let answers = row.answers.unwrap_or_default();
    [
        (if of_answers { "suspect" } else { "distrusted" }, distrusted),
        ("not_applicable", answers.not_applicable),
        ("refused", answers.refused),
        ("defaulted", total.defaulted),
        ("other_scale", total.off_nps),
        ("unknown_template", total.unknown),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(cause, count)| Exclusion { cause: cause.to_owned(), count: int(count) })
    .collect()
}

fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
