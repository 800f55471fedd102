//! What the answers alone say about whether they can be trusted.

use survey_domain::{
    answer::{Answers, Checked, Value, countable},
    questionnaire::Version,
    response::{Mark, Marks, is_too_fast},
    straight_lining::{Place, is_straight},
};

/// What a respondent's own submission is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Signs {
    /// Whether a field that people do not see was filled in.
    pub honeypot: bool,
    /// Whether the form had been opened.
    pub page_view: bool,
    /// From the start to the submission.
    pub duration_ms: Option<i64>,
}

/// Marks of answers that a respondent sent.
pub fn marks(version: &Version, checked: &Checked, signs: Signs) -> Marks {
    let duration_ms = signs.duration_ms.and_then(|ms| u64::try_from(ms).ok());
    let items = countable(version, &checked.answers).len();
    let mut marks = screened(checked);
    marks.set_if(Mark::Honeypot, signs.honeypot);
    marks.set_if(Mark::NoPageView, !signs.page_view);
    marks.set_if(Mark::TooFast, is_too_fast(items, duration_ms));
    let straight = is_straight(&places(version, &checked.answers), duration_ms);
    marks.set_if(Mark::StraightLining, straight);
    marks
}

/// Marks of answers that somebody entered: how fast one types says nothing.
pub fn screened(checked: &Checked) -> Marks {
    let mut marks = Marks::default();
    marks.set_if(Mark::ScreenedOut, checked.screened_out);
    marks
}

/// Chosen places in the order of the questionnaire, as they stand on the screen: who reads a
/// scale that runs the wrong way breaks the line.
fn places(version: &Version, answers: &Answers) -> Vec<Place> {
    let place = |answer: &survey_domain::answer::Answer| {
        let Value::Grade(grade) = answer.value else { return None };
        let scale = version.definition().scale_of(version.question(&answer.question)?)?;
        let at = u32::try_from(grade - scale.min).ok()?;
        let of = u32::try_from(scale.max - scale.min + 1).ok()?;
        Some(Place { at, of })
    };
    answers.0.iter().filter_map(place).collect()
}
