//! A response: what somebody answered, through which channel, about whom, and whether it can be
//! trusted. Nothing that is suspect is thrown away; it is marked, and a person may decide.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    answer::{Answers, Value},
    channel::Channel,
    error::{Error, Result},
};

/// Milliseconds in which nobody reads and answers even one question.
pub const HASTE_MS: u64 = 1_000;
/// Milliseconds for each answered item below which nobody has read it.
pub const HASTE_MS_PER_ITEM: u64 = 400;

/// Why a response is suspect. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mark {
    /// A field that people do not see was filled in.
    Honeypot = 1,
    /// Answered faster than the questions can be read.
    TooFast = 2,
    /// Submitted without having opened the form.
    NoPageView = 3,
    /// The same grade throughout, in haste.
    StraightLining = 4,
    /// The same browser again.
    BrowserRepeated = 5,
    /// Too many from one network in a minute.
    AddressBurst = 6,
    /// Marked by a reviewer.
    Reviewer = 7,
    /// Not among the people asked.
    ScreenedOut = 8,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Honeypot,
        Self::TooFast,
        Self::NoPageView,
        Self::StraightLining,
        Self::BrowserRepeated,
        Self::AddressBurst,
        Self::Reviewer,
        Self::ScreenedOut,
    ];
}

/// A set of marks; bit n stands for the mark with number n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks(pub i32);

impl Marks {
    /// Adds one.
    pub fn set(&mut self, mark: Mark) {
        self.0 |= 1 << mark as i32;
    }

    /// Adds one if `when` holds.
    pub fn set_if(&mut self, mark: Mark, when: bool) {
        if when {
            self.set(mark);
        }
    }

    /// Whether one is among them.
    pub fn has(self, mark: Mark) -> bool {
        self.0 & (1 << mark as i32) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are set, by number.
    pub fn list(self) -> Vec<Mark> {
        Mark::ALL.into_iter().filter(|mark| self.has(*mark)).collect()
    }
}

/// What a reviewer decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decision {
    /// Nothing yet.
    #[default]
    Open = 0,
    /// It counts.
    Released = 1,
    /// It does not.
    Confirmed = 2,
}

impl Decision {
    /// By number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Open, Self::Released, Self::Confirmed].into_iter().find(|d| *d as i32 == number)
    }
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Id; also the receipt.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Version that was shown, from 1.
    pub version: i32,
    /// Unit that the answers are about.
    pub unit: Uuid,
    /// Nearest unit at or above it that is no window.
    pub site: Uuid,
    /// Since when, at the submission, the site had stood below the same units and kept the same
    /// time zone, microseconds; 0 for ever. `None` of what was stored before this was known.
    pub site_since_us: Option<i64>,
    /// Staff member that the answers are about.
    pub staff: Option<Uuid>,
    /// Customer; never of an anonymous campaign.
    pub customer: Option<Uuid>,
    /// Class of the customer.
    pub class: Option<Uuid>,
    /// Invitation that was answered; never of an anonymous campaign.
    pub invitation: Option<Uuid>,
    /// Open link that was used.
    pub link: Option<Uuid>,
    /// Whether it answers an invitation, be it named or not.
    pub invited: bool,
    /// How it reached us.
    pub channel: Channel,
    /// Language that was shown.
    pub language: String,
    /// When it was submitted; of an anonymous campaign the noon of that day.
    pub submit_us: i64,
    /// From the start to the submission.
    pub duration_ms: Option<i64>,
    /// Seed of the order in which things were shown.
    pub seed: u32,
    /// The answers in the order of the questionnaire.
    pub answers: Answers,
    /// Hash of what was sent.
    pub content_hash: i64,
    /// Why it is suspect.
    pub marks: Marks,
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub reviewer: Option<String>,
    /// When it was decided.
    pub review_us: Option<i64>,
    /// Whether its campaign promised anonymity.
    pub anonymous: bool,
    /// Who entered or imported it.
    pub operator: Option<String>,
    /// Row of the imported file.
    pub row_id: Option<String>,
    /// Whether texts and customer were erased.
    pub erased: bool,
    /// Of a known customer everything that was answered, encrypted for that person. What is
    /// stored of `answers` beside it has no words in it.
    pub sealed: Option<Vec<u8>>,
}

impl Response {
    /// Whether figures leave it out by default.
    pub fn is_suspect(&self) -> bool {
        is_suspect(self.marks, self.decision)
    }

    /// Takes a decision. One that is confirmed without a mark gets the reviewer's; a mark that
    /// only a reviewer gave goes when the reviewer takes it back.
    ///
    /// # Errors
    /// When nothing was decided.
    pub fn review(&mut self, decision: Decision, reviewer: &str, now_us: i64) -> Result<()> {
        match decision {
            Decision::Open => return Err(Error::invalid("decision", "is released or confirmed")),
            Decision::Confirmed if self.marks.is_empty() => self.marks.set(Mark::Reviewer),
            _ => {}
        }
        if self.decision != decision {
            self.decision = decision;
            self.reviewer = Some(reviewer.to_owned());
            self.review_us = Some(now_us);
        }
        Ok(())
    }

    /// Removes the person: customer, invitation, and every text that was written. Grades and
    /// choices stay, so that no figure changes.
    pub fn erase(&mut self) {
        self.customer = None;
        self.invitation = None;
        self.sealed = None;
        without_texts(&mut self.answers);
        self.erased = true;
    }
}

/// Whether figures leave a response out by default that has these marks, and that decision.
pub fn is_suspect(marks: Marks, decision: Decision) -> bool {
    match decision {
        Decision::Open => !marks.is_empty(),
        Decision::Released => false,
        Decision::Confirmed => true,
    }
}

/// Whether people wrote something in their own words, or a date, which may be that of a birth.
pub fn has_texts(answers: &Answers) -> bool {
    answers.0.iter().any(|answer| {
        !answer.comment.is_empty()
            || !answer.specified.is_empty()
            || matches!(answer.value, Value::Text(_) | Value::Date(_))
    })
}

/// Removes what people wrote in their own words.
pub fn without_texts(answers: &mut Answers) {
    for answer in &mut answers.0 {
        answer.comment.clear();
        answer.specified.clear();
        if matches!(answer.value, Value::Text(_) | Value::Date(_)) {
            answer.value = Value::None;
        }
    }
    answers.0.retain(|answer| answer.value != Value::None);
}

/// Whether so many items cannot have been read in this time. Without a known duration the
/// answer is no.
pub fn is_too_fast(items: usize, duration_ms: Option<u64>) -> bool {
    let least = HASTE_MS.max((items as u64).saturating_mul(HASTE_MS_PER_ITEM));
    items > 0 && duration_ms.is_some_and(|ms| ms < least)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::answer::Answer;

    /// A response without anything special.
    pub(crate) fn plain() -> Response {
        Response {
            id: Uuid::from_u128(1),
            org: Uuid::from_u128(2),
            campaign: Uuid::from_u128(3),
            questionnaire: Uuid::from_u128(4),
            version: 1,
            unit: Uuid::from_u128(5),
            site: Uuid::from_u128(5),
            site_since_us: Some(0),
            staff: None,
            customer: Some(Uuid::from_u128(6)),
            class: Some(Uuid::from_u128(7)),
            invitation: Some(Uuid::from_u128(8)),
            link: None,
            invited: true,
            channel: Channel::PersonalLink,
            language: "zh-CN".to_owned(),
            submit_us: 1_700_000_000_000_000,
            duration_ms: Some(60_000),
            seed: 0,
            answers: Answers::default(),
            content_hash: 0,
            marks: Marks::default(),
            decision: Decision::Open,
            reviewer: None,
            review_us: None,
            anonymous: false,
            operator: None,
            row_id: None,
            erased: false,
            sealed: None,
        }
    }

    #[test]
    fn a_marked_response_is_left_out_until_it_is_released() {
        let mut response = plain();
        assert!(!response.is_suspect());
        response.marks.set(Mark::TooFast);
        assert!(response.is_suspect());
        response.review(Decision::Released, "users/us_1", 5).unwrap();
        assert!(!response.is_suspect());
        assert_eq!(
            (response.reviewer.as_deref(), response.review_us),
            (Some("users/us_1"), Some(5))
        );
        response.review(Decision::Released, "users/us_2", 6).unwrap();
        assert_eq!(response.reviewer.as_deref(), Some("users/us_1"), "the same decision again");
        response.review(Decision::Confirmed, "users/us_2", 7).unwrap();
        assert!(response.is_suspect());
        assert_eq!(response.marks.list(), [Mark::TooFast]);
    }

    #[test]
    fn a_reviewer_may_mark_what_nothing_else_marked() {
        let mut response = plain();
        response.review(Decision::Confirmed, "users/us_1", 5).unwrap();
        assert_eq!(response.marks.list(), [Mark::Reviewer]);
        assert!(response.is_suspect());
        assert!(response.review(Decision::Open, "users/us_1", 5).is_err());
    }

    #[test]
    fn erasure_takes_the_person_and_the_words_and_leaves_the_grades() {
        let mut response = plain();
        let mut graded = Answer::new("q1", "", Value::Grade(4));
        graded.comment = "call me".to_owned();
        graded.reasons = vec!["slow".to_owned()];
        let mut chosen = Answer::new("q2", "", Value::Options(vec!["other".to_owned()]));
        chosen.specified.insert("other".to_owned(), "my name".to_owned());
        let words = Answer::new("q3", "", Value::Text("hello".to_owned()));
        response.answers = Answers(vec![graded, chosen, words]);
        response.sealed = Some(vec![1]);
        assert!(has_texts(&response.answers));
        response.erase();
        assert_eq!((response.customer, response.invitation), (None, None));
        assert!(response.sealed.is_none() && !has_texts(&response.answers));
        let mut kept = Answer::new("q1", "", Value::Grade(4));
        kept.reasons = vec!["slow".to_owned()];
        let options = Answer::new("q2", "", Value::Options(vec!["other".to_owned()]));
        assert_eq!(response.answers, Answers(vec![kept, options]));
        assert_eq!(response.class, plain().class);
    }

    #[test]
    fn haste_grows_with_what_was_answered() {
        assert!(is_too_fast(1, Some(400)));
        assert!(!is_too_fast(1, Some(1_000)));
        assert!(is_too_fast(20, Some(7_999)));
        assert!(!is_too_fast(20, Some(8_000)));
        assert!(!is_too_fast(20, None));
        assert!(!is_too_fast(0, Some(0)));
    }

    #[test]
    fn marks_keep_their_numbers() {
        let mut marks = Marks::default();
        for mark in Mark::ALL {
            assert!(!marks.has(mark));
            marks.set(mark);
        }
        assert_eq!(marks.list(), Mark::ALL);
        assert_eq!(Mark::ScreenedOut as i32, 8);
    }
}
