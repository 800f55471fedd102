//! What is missing for a valid result.

use super::State;
use crate::plan::step::Kind as Step;

/// Reliability that a result must reach: below it the bands of the field say "not acceptable".
pub const ALPHA_MIN: f64 = 0.75;

/// A kind of finding; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Kind {
    /// The round has no campaign.
    NoCampaign = 1,
    /// The questionnaire has no published version.
    QuestionnaireNotPublished = 2,
    /// Nobody was chosen and there is no open link.
    NoSample = 3,
    /// The campaign is not closed.
    FieldworkOpen = 4,
    /// Too few valid answers.
    SampleTooSmall = 5,
    /// The return rate is below its target.
    RateTooLow = 6,
    /// The margin of error is above the planned one.
    MarginTooWide = 7,
    /// A quota is not filled.
    QuotaNotFilled = 8,
    /// The reliability was not computed.
    AlphaNotComputed = 9,
    /// The reliability is too low.
    AlphaTooLow = 10,
    /// The index was not computed.
    IndexNotComputed = 11,
    /// A step is past its day.
    StepOverdue = 12,
    /// Nobody answers for a step.
    StepWithoutOwner = 13,
}

impl Kind {
    /// Whether a result is not valid while it stands.
    pub fn is_blocking(self) -> bool {
        !matches!(
            self,
            Self::MarginTooWide
                | Self::QuotaNotFilled
                | Self::IndexNotComputed
                | Self::StepOverdue
                | Self::StepWithoutOwner
        )
    }

    fn step(self) -> Option<Step> {
        Some(match self {
            Self::NoSample | Self::MarginTooWide => Step::Sampling,
            Self::QuestionnaireNotPublished => Step::Questionnaire,
            Self::NoCampaign
            | Self::FieldworkOpen
            | Self::SampleTooSmall
            | Self::RateTooLow
            | Self::QuotaNotFilled => Step::Fieldwork,
            Self::AlphaNotComputed | Self::AlphaTooLow => Step::Data,
            Self::IndexNotComputed => Step::Index,
            Self::StepOverdue | Self::StepWithoutOwner => return None,
        })
    }

    /// The finding in Chinese and English; `{value}` and `{required}` are filled in.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoCampaign => ("本轮尚未建立调查", "This round has no campaign yet"),
            Self::QuestionnaireNotPublished => {
                ("问卷没有已发布的版本", "The questionnaire has no published version")
            }
            Self::NoSample => {
                ("尚未抽样，也没有公开链接", "Nobody was sampled and there is no open link")
            }
            Self::FieldworkOpen => ("调查尚未结束", "Fieldwork is not finished"),
            Self::SampleTooSmall => (
                "有效样本 {value} 份，少于所需的 {required} 份",
                "{value} valid answers, {required} are needed",
            ),
            Self::RateTooLow => (
                "回收率 {value}，低于目标 {required}",
                "The return rate is {value}, its target {required}",
            ),
            Self::MarginTooWide => (
                "抽样误差 {value}，大于计划的 {required}",
                "The margin of error is {value}, {required} was planned",
            ),
            Self::QuotaNotFilled => {
                ("配额完成 {value}，应为 {required}", "A quota has {value} of {required} answers")
            }
            Self::AlphaNotComputed => (
                "尚未计算信度（克隆巴赫 α）",
                "The reliability (Cronbach's alpha) was not computed",
            ),
            Self::AlphaTooLow => (
                "信度 α 为 {value}，低于 {required}",
                "The reliability alpha is {value}, below {required}",
            ),
            Self::IndexNotComputed => ("尚未计算指数", "The index was not computed"),
            Self::StepOverdue => ("步骤已逾期", "The step is overdue"),
            Self::StepWithoutOwner => ("步骤没有负责人", "Nobody answers for the step"),
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Kind.
    pub kind: Kind,
    /// Step of a plan that it belongs to.
    pub step: Option<Step>,
    /// What there is.
    pub value: Option<f64>,
    /// What there should be.
    pub required: Option<f64>,
    /// Name of the group of a quota, or empty.
    pub subject: String,
}

impl Finding {
    /// A finding without numbers.
    pub fn plain(kind: Kind) -> Self {
        Self { kind, step: kind.step(), value: None, required: None, subject: String::new() }
    }

    /// A finding about a step.
    pub fn of_step(kind: Kind, step: Step) -> Self {
        Self { step: Some(step), ..Self::plain(kind) }
    }

    fn numbers(kind: Kind, value: f64, required: f64) -> Self {
        Self { value: Some(value), required: Some(required), ..Self::plain(kind) }
    }

    /// In words: Chinese and English.
    pub fn words(&self) -> (String, String) {
        let number = |number: Option<f64>| match number {
            Some(n) if matches!(self.kind, Kind::RateTooLow | Kind::MarginTooWide) => {
                format!("{:.1} %", n * 100.0)
            }
            Some(n) if n.fract() == 0.0 => format!("{n:.0}"),
            Some(n) => format!("{n:.2}"),
            None => String::new(),
        };
        let fill = |text: &str| {
            text.replace("{value}", &number(self.value))
                .replace("{required}", &number(self.required))
        };
        let (zh, en) = self.kind.words();
        (fill(zh), fill(en))
    }
}

/// A quota with what came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Name of the group.
    pub subject: String,
    /// Answers so far.
    pub filled: i64,
    /// Answers wanted.
    pub limit: i64,
}

/// What is known of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// State.
    pub state: State,
    /// Whether the questionnaire has a published version.
    pub published: bool,
    /// Invitations.
    pub invited: u64,
    /// Whether there is an open link, or answers without invitations.
    pub has_open: bool,
    /// Valid answers.
    pub valid: u64,
    /// Fewest valid answers.
    pub min_responses: u64,
    /// Return rate; `None` when nothing was handed over.
    pub return_rate: Option<f64>,
    /// Its target.
    pub rate_target: f64,
    /// Margin of error.
    pub margin: Option<f64>,
    /// Its target.
    pub margin_target: Option<f64>,
    /// Quotas.
    pub quotas: Vec<Filled>,
}

/// What a campaign lacks, most serious first.
pub fn of_campaign(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if !facts.published {
        found.push(Finding::plain(Kind::QuestionnaireNotPublished));
    }
    if facts.invited == 0 && !facts.has_open {
        found.push(Finding::plain(Kind::NoSample));
    }
    if facts.state != State::Closed {
        found.push(Finding::plain(Kind::FieldworkOpen));
    }
    if facts.valid < facts.min_responses {
        let (valid, min) = (facts.valid as f64, facts.min_responses as f64);
        found.push(Finding::numbers(Kind::SampleTooSmall, valid, min));
    }
    if let Some(rate) = facts.return_rate
        && rate < facts.rate_target - 1e-12
    {
        found.push(Finding::numbers(Kind::RateTooLow, rate, facts.rate_target));
    }
    if let (Some(margin), Some(target)) = (facts.margin, facts.margin_target)
        && margin > target
    {
        found.push(Finding::numbers(Kind::MarginTooWide, margin, target));
    }
    for quota in facts.quotas.iter().filter(|quota| quota.filled < quota.limit) {
        let (filled, limit) = (quota.filled as f64, quota.limit as f64);
        let finding = Finding::numbers(Kind::QuotaNotFilled, filled, limit);
        found.push(Finding { subject: quota.subject.clone(), ..finding });
    }
    found
}

/// What the computed result of a round lacks.
pub fn of_result(alpha: Option<f64>, index: Option<f64>) -> Vec<Finding> {
    let mut found = Vec::new();
    match alpha {
        None => found.push(Finding::plain(Kind::AlphaNotComputed)),
        Some(alpha) if alpha < ALPHA_MIN => {
            found.push(Finding::numbers(Kind::AlphaTooLow, alpha, ALPHA_MIN));
        }
        Some(_) => {}
    }
    if index.is_none() {
        found.push(Finding::plain(Kind::IndexNotComputed));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Facts {
        Facts {
            state: State::Closed,
            published: true,
            invited: 50,
            has_open: false,
            valid: 35,
            min_responses: 10,
            return_rate: Some(0.7),
            rate_target: 0.7,
            margin: Some(0.05),
            margin_target: Some(0.05),
            quotas: Vec::new(),
        }
    }

    #[test]
    fn a_sound_campaign_lacks_nothing_and_each_defect_is_named() {
        assert_eq!(of_campaign(&sound()), []);
        let quota = Filled { subject: "units/u_1".to_owned(), filled: 2, limit: 5 };
        let defects = [
            (Facts { published: false, ..sound() }, Kind::QuestionnaireNotPublished, true),
            (Facts { invited: 0, ..sound() }, Kind::NoSample, true),
            (Facts { state: State::Open, ..sound() }, Kind::FieldworkOpen, true),
            (Facts { valid: 9, ..sound() }, Kind::SampleTooSmall, true),
            (Facts { return_rate: Some(0.69), ..sound() }, Kind::RateTooLow, true),
            (Facts { margin: Some(0.06), ..sound() }, Kind::MarginTooWide, false),
            (Facts { quotas: vec![quota], ..sound() }, Kind::QuotaNotFilled, false),
        ];
        for (facts, kind, blocking) in defects {
            let found = of_campaign(&facts);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].kind, found[0].kind.is_blocking()), (kind, blocking));
        }
        assert_eq!(of_result(Some(0.75), Some(80.0)), []);
        assert_eq!(of_result(None, None)[0].kind, Kind::AlphaNotComputed);
        assert_eq!(of_result(Some(0.749), Some(1.0))[0].kind, Kind::AlphaTooLow);
    }

    #[test]
    fn findings_speak_both_languages_with_their_numbers() {
        let found = of_campaign(&Facts { return_rate: Some(0.655), valid: 9, ..sound() });
        assert_eq!(found[0].words().1, "9 valid answers, 10 are needed");
        assert_eq!(found[1].words().0, "回收率 65.5 %，低于目标 70.0 %");
    }
}
