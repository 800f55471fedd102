//! A published questionnaire of the library, an open campaign and a link.

use proto::survey::v1::{
    Answer, Campaign, ChosenOptions, CopyQuestionnaireRequest, CreateCampaignRequest,
    CreateLinkRequest, Link, OpenCampaignRequest, PublishQuestionnaireRequest, ResponseChannel,
    answer::Value, campaign_service_client::CampaignServiceClient,
    invitation_service_client::InvitationServiceClient,
    questionnaire_service_client::QuestionnaireServiceClient,
};
use tools::client::Client;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    site::Site,
};

/// Graded questions of the template.
const GRADED: [&str; 6] =
    ["overall", "attitude", "skill", "efficiency", "explanation", "environment"];

/// What answers are given to.
pub struct Ground {
    /// The owner.
    pub owner: Client,
    /// `units/u_…` of the top.
    pub unit: String,
    /// Questionnaire.
    pub questionnaire: String,
    /// Campaign.
    pub campaign: String,
    /// Secret part of the open link.
    pub link: String,
}

impl Ground {
    /// Makes all of it through the public contract.
    pub async fn prepare(site: &Site) -> Result<Self> {
        let (owner, unit) = (site.owner.clone(), site.headquarters.clone());
        let questionnaire = questionnaire(&owner, &unit).await?;
        let campaign = campaign(&owner, &unit, &questionnaire).await?;
        let link = Link {
            display_name: "Bench".to_owned(),
            channel: ResponseChannel::OpenLink.into(),
            minute_max: 10_000,
            ..Link::default()
        };
        let request = CreateLinkRequest {
            campaign: campaign.clone(),
            link: Some(link),
            request_id: Uuid::now_v7().to_string(),
        };
        let made = owner
            .call("making a link", request, |chan, request| async move {
                InvitationServiceClient::new(chan).create_link(request).await
            })
            .await?;
        let link = made.link.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Self { owner, unit, questionnaire, campaign, link })
    }
}

async fn questionnaire(owner: &Client, unit: &str) -> Result<String> {
    let request = CopyQuestionnaireRequest {
        template: "bank_window".to_owned(),
        unit: unit.to_owned(),
        request_id: Uuid::now_v7().to_string(),
        ..CopyQuestionnaireRequest::default()
    };
    let made = owner
        .call("copying a questionnaire", request, |chan, request| async move {
            QuestionnaireServiceClient::new(chan).copy_questionnaire(request).await
        })
        .await?;
    let request = PublishQuestionnaireRequest {
        name: made.name.clone(),
        etag: made.etag,
        ..PublishQuestionnaireRequest::default()
    };
    owner
        .call("publishing a questionnaire", request, |chan, request| async move {
            QuestionnaireServiceClient::new(chan).publish_questionnaire(request).await
        })
        .await?;
    Ok(made.name)
}

async fn campaign(owner: &Client, unit: &str, questionnaire: &str) -> Result<String> {
    let campaign = Campaign {
        unit: unit.to_owned(),
        display_name: "Bench".to_owned(),
        questionnaire: questionnaire.to_owned(),
        channels: vec![ResponseChannel::OpenLink.into(), ResponseChannel::Import.into()],
        ..Campaign::default()
    };
    let request =
        CreateCampaignRequest { campaign: Some(campaign), request_id: Uuid::now_v7().to_string() };
    let made = owner
        .call("making a campaign", request, |chan, request| async move {
            CampaignServiceClient::new(chan).create_campaign(request).await
        })
        .await?;
    let request = OpenCampaignRequest { name: made.name.clone(), ..OpenCampaignRequest::default() };
    let opened = owner
        .call("opening a campaign", request, |chan, request| async move {
            CampaignServiceClient::new(chan).open_campaign(request).await
        })
        .await?;
    match opened.name.is_empty() {
        false => Ok(opened.name),
        true => Err(Error::Unsound("the campaign has no name".to_owned())),
    }
}

/// A filled-in form with that grade throughout but for one question.
pub fn answers(grade: i32) -> Vec<Answer> {
    let choice = |question: &str, option: &str| Answer {
        question: question.to_owned(),
        value: Some(Value::Options(ChosenOptions { ids: vec![option.to_owned()] })),
        ..Answer::default()
    };
    let graded = |(i, question): (usize, &&str)| Answer {
        question: (*question).to_owned(),
        value: Some(Value::Grade(if i == 0 { grade } else { 1 + (grade + 1) % 5 })),
        ..Answer::default()
    };
    let mut answers = vec![choice("business", "cash"), choice("waiting", "under_5")];
    answers.extend(GRADED.iter().enumerate().map(graded));
    answers
}
