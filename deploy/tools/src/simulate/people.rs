//! How staff serve and customers judge. Pure: randomness comes from the caller.

use super::rng::Dice;

/// Codes of a bank's business types.
pub const BUSINESS_TYPES: [&str; 6] =
    ["deposit", "withdrawal", "account", "loan", "card", "exchange"];

/// How one staff member works.
#[derive(Debug, Clone, Copy)]
pub struct Temper {
    /// How well customers like it, around 0: +0.1 is very good, -0.1 is bad.
    skill: f64,
    /// Length of a service against the mean.
    pace: f64,
    /// Share of services after which the customer is asked.
    prompts: f64,
    /// Does not ask after services that took long.
    hides_trouble: bool,
}

impl Temper {
    /// Somebody.
    pub fn new(dice: &mut Dice) -> Self {
        Self {
            skill: dice.normal(0.0, 0.05).clamp(-0.15, 0.12),
            pace: dice.between(0.75, 1.35),
            prompts: dice.between(0.80, 0.99),
            hides_trouble: dice.chance(0.08),
        }
    }

    /// Seconds that a service takes when the mean is `mean_s`.
    pub fn service_s(&self, mean_s: f64, dice: &mut Dice) -> f64 {
        dice.log_normal(mean_s * self.pace, 0.5).clamp(mean_s / 8.0, mean_s * 6.0)
    }

    /// Whether the customer is asked after a service of `service_s` seconds.
    pub fn prompts(&self, service_s: f64, mean_s: f64, dice: &mut Dice) -> bool {
        let awkward = self.hides_trouble && service_s > 1.5 * mean_s;
        dice.chance(if awkward { 0.15 } else { self.prompts })
    }

    /// What a customer feels, 0 to 100, who waited `waiting` mean services and was served at
    /// `hour` of the day.
    pub fn satisfaction(&self, waiting: f64, hour: f64, dice: &mut Dice) -> u8 {
        let tired = if hour > 15.0 { 0.04 } else { 0.0 } + if hour > 20.0 { 0.04 } else { 0.0 };
        let impatient = (waiting - 3.0).clamp(0.0, 8.0) * 0.03;
        // A few services simply go wrong, whoever gives them.
        let mishap = if dice.chance(0.03) { 0.45 } else { 0.0 };
        let felt = 0.93 + self.skill - tired - impatient - mishap + dice.normal(0.0, 0.11);
        (felt.clamp(0.0, 1.0) * 100.0).round() as u8
    }
}

/// Load of a day by hour, 1 on average: quiet nights, a peak before noon and one after.
pub fn load(hour: f64) -> f64 {
    let peak = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
    0.6 + 1.28 * peak(10.5, 2.2) + 1.04 * peak(15.0, 2.5)
}

/// What the customer does when the question is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Presses a grade after so many milliseconds.
    Presses(u32),
    /// Declines after so many milliseconds.
    Declines(u32),
    /// Walks away.
    Silent,
}

/// What a customer of this satisfaction does. The very pleased and the angry answer more.
pub fn answer(satisfaction: u8, dice: &mut Dice) -> Answer {
    let willing = if (40..90).contains(&satisfaction) { 0.55 } else { 0.72 };
    if dice.chance(willing) {
        Answer::Presses(dice.log_normal(3_500.0, 0.5).clamp(600.0, 15_000.0) as u32)
    } else if dice.chance(0.15) {
        Answer::Declines(dice.between(800.0, 6_000.0) as u32)
    } else {
        Answer::Silent
    }
}

const PRAISE: [&str; 5] = [
    "服务很好，谢谢",
    "办理很快",
    "态度亲切，讲解清楚",
    "Very friendly, thank you",
    "很专业，点赞",
];
const BLAME: [&str; 6] = [
    "等了太久",
    "排队时间太长，窗口太少",
    "问题没有解决，还要再来一次",
    "The queue took far too long",
    "说明不清楚，来回跑了几趟",
    "态度冷淡",
];

/// Now and then a sentence, which fits the satisfaction.
pub fn comment(satisfaction: u8, dice: &mut Dice) -> Option<&'static str> {
    let bad = satisfaction < 50;
    let texts: &[&'static str] = if bad { &BLAME } else { &PRAISE };
    dice.chance(if bad { 0.3 } else { 0.03 }).then(|| texts[dice.pick(texts.len())])
}
