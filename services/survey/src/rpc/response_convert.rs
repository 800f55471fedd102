//! Responses as the contract shows them.

use proto::{names, survey::v1, time};
use survey_domain::response::{Decision, Response};

use crate::questionnaire::answers::answers_to;

/// A response. `show_customer` says whether the caller may see customers.
pub fn to_proto(response: Response, show_customer: bool) -> v1::Response {
    let suspect = response.is_suspect();
    let customer = response.customer.filter(|_| show_customer);
    v1::Response {
        name: names::print("responses", response.id),
        campaign: names::print("campaigns", response.campaign),
        questionnaire: names::print("questionnaires", response.questionnaire),
        version: response.version,
        unit: names::print("units", response.unit),
        staff: names::print_opt("staff", response.staff),
        customer: names::print_opt("customers", customer),
        customer_class: names::print_opt("customerClasses", response.class),
        channel: response.channel as i32,
        language: response.language,
        submit_time: Some(time::from_us(response.submit_us)),
        duration_s: response.duration_ms.and_then(|ms| i32::try_from(ms / 1_000).ok()),
        answers: answers_to(&response.answers),
        marks: response.marks.list().into_iter().map(|mark| mark as i32).collect(),
        decision: response.decision as i32,
        reviewer: response.reviewer.unwrap_or_default(),
        review_time: response.review_us.map(time::from_us),
        suspect,
        anonymous: response.anonymous,
        operator: response.operator.unwrap_or_default(),
        row_id: response.row_id.unwrap_or_default(),
        erased: response.erased,
        seed: response.seed,
    }
}

/// A decision as the contract numbers it.
pub fn decision(number: i32) -> Decision {
    Decision::from_number(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proto::survey::v1::{ResponseChannel, ResponseMark, ReviewDecision};
    use survey_domain::{channel::Channel, response::Mark};

    use super::*;

    #[test]
    fn numbers_are_those_of_the_contract() {
        for (mark, number) in [
            (Mark::Honeypot, ResponseMark::Honeypot),
            (Mark::TooFast, ResponseMark::TooFast),
            (Mark::NoPageView, ResponseMark::NoPageView),
            (Mark::StraightLining, ResponseMark::StraightLining),
            (Mark::BrowserRepeated, ResponseMark::BrowserRepeated),
            (Mark::AddressBurst, ResponseMark::AddressBurst),
            (Mark::Reviewer, ResponseMark::Reviewer),
            (Mark::ScreenedOut, ResponseMark::ScreenedOut),
        ] {
            assert_eq!(mark as i32, number as i32);
        }
        assert_eq!(decision(ReviewDecision::Released as i32), Decision::Released);
        assert_eq!(decision(ReviewDecision::Confirmed as i32), Decision::Confirmed);
        assert_eq!(Channel::Paper as i32, ResponseChannel::Paper as i32);
    }
}
