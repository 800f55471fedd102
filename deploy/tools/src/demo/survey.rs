//! A questionnaire of the library in use: published, in a campaign with an open link, and with
//! a few paper forms entered for each branch.

use std::fmt::Write as _;

use proto::auth::v1::UnitKind;
use proto::survey::v1::{
    Campaign, CopyQuestionnaireRequest, CreateCampaignRequest, CreateLinkRequest,
    ImportResponsesRequest, Link, ListCampaignsRequest, ListLinksRequest, OpenCampaignRequest,
    PublishQuestionnaireRequest, ResponseChannel, ResponseColumn, ResponseMapping,
    campaign_service_client::CampaignServiceClient,
    invitation_service_client::InvitationServiceClient,
    questionnaire_service_client::QuestionnaireServiceClient,
    response_service_client::ResponseServiceClient,
};

use super::{bank, request_id};
use crate::{
    client::Client,
    error::{Error, Result},
};

/// Name of the campaign, by which it is found again.
const CAMPAIGN: &str = "网点窗口服务调查 (Counter survey)";
/// Template of the library.
const TEMPLATE: &str = "bank_window";
/// Paper forms of each branch.
const FORMS: u32 = 12;
/// Columns of the paper forms: questions of the template.
const COLUMNS: [&str; 8] = [
    "business",
    "overall",
    "attitude",
    "skill",
    "efficiency",
    "explanation",
    "environment",
    "@unit_code",
];

/// Where answers are given.
pub struct Survey {
    /// `questionnaires/qn_…`.
    pub questionnaire: String,
    /// Secret part of the open link.
    pub link: String,
}

/// Makes what is missing of it.
pub async fn prepare(client: &Client, headquarters: &str) -> Result<Survey> {
    let campaign = match find(client).await? {
        Some(campaign) => campaign,
        None => create(client, headquarters).await?,
    };
    // A form that was entered before changes nothing.
    enter_paper_forms(client, &campaign.name).await?;
    let link = link(client, &campaign.name).await?;
    Ok(Survey { questionnaire: campaign.questionnaire, link })
}

async fn find(client: &Client) -> Result<Option<Campaign>> {
    let message = ListCampaignsRequest { page_size: 1_000, ..ListCampaignsRequest::default() };
    let found = client.call("listing campaigns", message, |chan, request| async move {
        CampaignServiceClient::new(chan).list_campaigns(request).await
    });
    Ok(found.await?.campaigns.into_iter().find(|campaign| campaign.display_name == CAMPAIGN))
}

async fn create(client: &Client, headquarters: &str) -> Result<Campaign> {
    let message = CopyQuestionnaireRequest {
        template: TEMPLATE.to_owned(),
        unit: headquarters.to_owned(),
        request_id: request_id(),
        ..CopyQuestionnaireRequest::default()
    };
    let draft = client
        .call("copying a questionnaire", message, |chan, request| async move {
            QuestionnaireServiceClient::new(chan).copy_questionnaire(request).await
        })
        .await?;
    let message = PublishQuestionnaireRequest {
        name: draft.name.clone(),
        etag: draft.etag,
        ..PublishQuestionnaireRequest::default()
    };
    client
        .call("publishing a questionnaire", message, |chan, request| async move {
            QuestionnaireServiceClient::new(chan).publish_questionnaire(request).await
        })
        .await?;
    let campaign = Campaign {
        unit: headquarters.to_owned(),
        display_name: CAMPAIGN.to_owned(),
        questionnaire: draft.name,
        channels: vec![ResponseChannel::OpenLink.into(), ResponseChannel::Paper.into()],
        ..Campaign::default()
    };
    let message = CreateCampaignRequest { campaign: Some(campaign), request_id: request_id() };
    let made = client
        .call("making a campaign", message, |chan, request| async move {
            CampaignServiceClient::new(chan).create_campaign(request).await
        })
        .await?;
    let message = OpenCampaignRequest { name: made.name, etag: made.etag };
    client
        .call("opening a campaign", message, |chan, request| async move {
            CampaignServiceClient::new(chan).open_campaign(request).await
        })
        .await
}

async fn enter_paper_forms(client: &Client, campaign: &str) -> Result<()> {
    let column = |name: &str| ResponseColumn {
        column: name.to_owned(),
        target: name.to_owned(),
        ..ResponseColumn::default()
    };
    let mapping = ResponseMapping {
        row_id_column: "form".to_owned(),
        columns: COLUMNS.map(column).into(),
        channel: ResponseChannel::Paper.into(),
        ..ResponseMapping::default()
    };
    let message = ImportResponsesRequest {
        campaign: campaign.to_owned(),
        mapping: Some(mapping),
        csv: paper_forms(),
        ..ImportResponsesRequest::default()
    };
    let entered = client
        .call("entering paper forms", message, |chan, request| async move {
            ResponseServiceClient::new(chan).import_responses(request).await
        })
        .await?;
    match entered.errors.first() {
        None => Ok(()),
        Some(error) => {
            Err(Error::Unsatisfied(format!("paper form {}: {}", error.row_id, error.description)))
        }
    }
}

/// Forms that look like those of a bank: mostly content, each branch a little different.
fn paper_forms() -> String {
    let mut csv = format!("form,{}\n", COLUMNS.join(","));
    let branches = bank::units().into_iter().filter(|unit| unit.kind == UnitKind::Branch);
    for (b, branch) in (0_u32..).zip(branches.map(|unit| unit.code)) {
        for form in 0..FORMS {
            let grade = |item: u32| {
                let roll = (b * 7 + form * 13 + item * 5) % 23;
                if roll < 2 + b % 4 { 2 + roll % 2 } else { 4 + (roll + b) % 2 }
            };
            let business = ["cash", "transfer", "card", "loan"][(form % 4) as usize];
            let _ = write!(csv, "{branch}-{form},{business}");
            (0..6).for_each(|item| {
                let _ = write!(csv, ",{}", grade(item));
            });
            let _ = writeln!(csv, ",{branch}");
        }
    }
    csv
}

async fn link(client: &Client, campaign: &str) -> Result<String> {
    let message = ListLinksRequest { campaign: campaign.to_owned(), ..ListLinksRequest::default() };
    let listed = client
        .call("listing links", message, |chan, request| async move {
            InvitationServiceClient::new(chan).list_links(request).await
        })
        .await?;
    let link = match listed.links.into_iter().find(|link| link.revoke_time.is_none()) {
        Some(link) => link,
        None => {
            let link = Link {
                display_name: "大厅海报 (Poster in the hall)".to_owned(),
                channel: ResponseChannel::OpenLink.into(),
                // Whoever tries it tries it more than once.
                browser_max: -1,
                ..Link::default()
            };
            let message = CreateLinkRequest {
                campaign: campaign.to_owned(),
                link: Some(link),
                request_id: request_id(),
            };
            client
                .call("making a link", message, |chan, request| async move {
                    InvitationServiceClient::new(chan).create_link(request).await
                })
                .await?
        }
    };
    Ok(link.link.rsplit('/').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_branch_has_its_forms_with_grades_of_the_scale() {
        let csv = paper_forms();
        assert_eq!(csv.lines().count(), 1 + 12 * FORMS as usize);
        for line in csv.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), 1 + COLUMNS.len());
            assert!(cells[2..8].iter().all(|g| (1..=5).contains(&g.parse::<i32>().unwrap())));
        }
    }
}
