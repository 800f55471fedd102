//! A campaign with links and invitations, and calls as a respondent makes them.

use proto::{
    names,
    survey::v1::{
        self, Answer, ChosenOptions, answer::Value,
        respondent_service_client::RespondentServiceClient,
        response_service_client::ResponseServiceClient,
    },
};
use survey_domain::{
    campaign::{Campaign, Settings, State},
    channel::Channel,
    invitation::{self, Invitation},
};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{
    fieldwork::link::Claim,
    store::fieldwork::{
        campaign, invitation as invitations,
        link::{self, Link},
    },
    tests::world::{NOW_US, World, bearer, worlds},
};

/// A network address.
pub const ADDRESS: &str = "203.0.113.7";

/// A world with an open campaign.
pub struct Scene {
    /// The world.
    pub world: World,
    /// The campaign.
    pub campaign: Campaign,
    /// Code of an open link of the first branch.
    pub link: String,
    /// That link.
    pub link_id: Uuid,
}

/// A scene on each database.
pub async fn scenes(change: impl Fn(&mut Settings)) -> Vec<Scene> {
    let mut scenes = Vec::new();
    for world in worlds().await {
        scenes.push(Scene::new(world, &change).await);
    }
    scenes
}

fn texts(text: &str) -> std::collections::BTreeMap<String, String> {
    [("en".to_owned(), text.to_owned()), ("zh-CN".to_owned(), format!("{text}（中）"))].into()
}

fn question(id: &str, kind: v1::QuestionType) -> v1::Question {
    v1::Question { id: id.to_owned(), kind: kind as i32, text: texts(id), ..Default::default() }
}

/// One required grade with reasons and a remark, a matrix of ten rows, NPS, a choice, a number,
/// a text, and an ending that thanks.
pub fn definition() -> v1::Definition {
    let option = |id: &str| v1::QuestionOption {
        id: id.to_owned(),
        text: texts(id),
        specify: id == "other",
        ..Default::default()
    };
    let scale = v1::Scale { id: "five".into(), min: 1, max: 5, ..Default::default() };
    let overall = v1::Question {
        required: true,
        scale: "five".into(),
        comment: true,
        not_applicable: true,
        ..question("overall", v1::QuestionType::Scale)
    };
    let rows = (0..10).map(|n| v1::Row { id: format!("r{n}"), text: texts(&format!("row {n}")) });
    let matrix = v1::Question {
        scale: "five".into(),
        rows: rows.collect(),
        ..question("matrix", v1::QuestionType::Matrix)
    };
    let place = v1::Question {
        options: ["shop", "phone", "other"].map(option).into(),
        ..question("place", v1::QuestionType::SingleChoice)
    };
    let section = v1::Section {
        id: "all".into(),
        title: texts("All"),
        questions: vec![
            overall,
            matrix,
            question("nps", v1::QuestionType::Nps),
            place,
            question("age", v1::QuestionType::Number),
            question("words", v1::QuestionType::LongText),
        ],
        ..Default::default()
    };
    let ending = v1::Ending { id: "thanks".into(), text: texts("Thank you"), screened_out: false };
    v1::Definition {
        title: texts("Survey"),
        scales: vec![scale],
        sections: vec![section],
        endings: vec![ending],
        ..Default::default()
    }
}

/// A grade.
pub fn grade(question: &str, part: &str, grade: i32) -> Answer {
    Answer {
        question: question.into(),
        part: part.into(),
        value: Some(Value::Grade(grade)),
        ..Default::default()
    }
}

/// A text.
pub fn words(text: &str) -> Answer {
    let value = Some(Value::Text(text.into()));
    Answer { question: "words".into(), value, ..Default::default() }
}

/// A choice.
pub fn place(ids: &[&str]) -> Answer {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let value = Some(Value::Options(ChosenOptions { ids }));
    Answer { question: "place".into(), value, ..Default::default() }
}

/// A campaign that is open, with any settings.
pub fn open_campaign(world: &World, questionnaire: Uuid, settings: Settings) -> Campaign {
    Campaign {
        id: Uuid::now_v7(),
        org: world.org.org,
        unit: world.org.region,
        settings: Settings { questionnaire, ..settings },
        state: State::Open,
        plan: None,
        round: 0,
        time_zone: "Asia/Shanghai".into(),
        auto_open_us: None,
        open_problem: String::new(),
        create_us: NOW_US,
        end_us: None,
        version: 1,
    }
}

/// Settings of a campaign on all channels.
pub fn settings() -> Settings {
    Settings {
        display_name: "Campaign".into(),
        questionnaire: Uuid::nil(),
        version: 1,
        channels: (1..=11).collect(),
        anonymous: false,
        open_us: Some(NOW_US - 1_000_000),
        close_us: None,
        rate_target: 0.7,
        min_responses: 10,
        margin_target: None,
        quotas: Vec::new(),
        reminder_days: Vec::new(),
        design: None,
        fatigue: (0, 0),
        link_base: String::new(),
        claim_minutes: 0,
        attempts_max: 0,
    }
}

impl Scene {
    /// In a world.
    pub async fn new(world: World, change: &impl Fn(&mut Settings)) -> Self {
        let questionnaire = publish(&world).await;
        let mut settings = settings();
        change(&mut settings);
        let campaign = open_campaign(&world, questionnaire, settings);
        let conn = world.app.db.read();
        campaign::insert(conn, &campaign, None).await.unwrap();
        let quotas = &campaign.settings.quotas;
        crate::store::fieldwork::quota::replace(conn, campaign.org, campaign.id, quotas)
            .await
            .unwrap();
        let mut scene = Self { world, campaign, link: String::new(), link_id: Uuid::nil() };
        (scene.link_id, scene.link) = scene.open_link(20, 1).await;
        scene
    }

    /// An open link of the first branch: its id and code.
    pub async fn open_link(&self, minute_max: i32, browser_max: i32) -> (Uuid, String) {
        let link = Link {
            id: Uuid::now_v7(),
            org: self.campaign.org,
            campaign: self.campaign.id,
            unit: self.world.org.branches[0],
            display_name: "counter".into(),
            channel: Channel::QrCode,
            minute_max,
            browser_max,
            create_us: NOW_US,
            revoke_us: None,
        };
        link::insert(self.world.app.db.read(), &link).await.unwrap();
        (link.id, self.world.app.links.code(Claim::Open(link.id)))
    }

    /// An invitation of the first branch that was handed over, with its code.
    pub async fn invite(&self, customer: Option<Uuid>) -> (Uuid, String) {
        let invitation = Invitation {
            id: Uuid::now_v7(),
            campaign: self.campaign.id,
            customer,
            unit: self.world.org.branches[0],
            class: None,
            segments: Vec::new(),
            channel: Channel::PersonalLink,
            state: invitation::State::HandedOver,
            reached: invitation::State::HandedOver,
            tried: false,
            attempt: 1,
            handed: 1,
            due_us: None,
            remind_us: None,
            queue_us: Some(NOW_US),
            stratum: None,
            design_weight: 1.0,
            sampled: false,
            note: String::new(),
            create_us: NOW_US,
            version: 1,
            occasion: Uuid::now_v7(),
            claim: None,
        };
        let id = invitation.id;
        let conn = self.world.app.db.read();
        invitations::insert(conn, self.campaign.org, &[invitation]).await.unwrap();
        (id, self.world.app.links.code(Claim::Invitation(id)))
    }

    /// State of an invitation.
    pub async fn state_of(&self, invitation: Uuid) -> invitation::State {
        let conn = self.world.app.db.read();
        let found = invitations::find(conn, self.campaign.org, invitation).await.unwrap();
        found.unwrap().state
    }

    /// Closes the campaign as CloseCampaign does.
    pub async fn close(&self) {
        let app = &self.world.app;
        let tx = app.db.begin().await.unwrap();
        campaign::wait_to_change(&tx, self.campaign.id).await.unwrap();
        let mut now =
            campaign::find(tx.conn(), self.campaign.org, self.campaign.id).await.unwrap().unwrap();
        now.close(app.clock.now_us()).unwrap();
        campaign::save(tx.conn(), &mut now, None).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Calls without a token.
    pub fn respondents(&self) -> RespondentServiceClient<kit::rpc::Chan> {
        RespondentServiceClient::new(self.world.chan.clone())
    }

    /// Calls of staff.
    pub fn responses(&self) -> ResponseServiceClient<kit::rpc::Chan> {
        ResponseServiceClient::new(self.world.chan.clone())
    }

    /// Begins to answer and lets a minute pass.
    pub async fn begun(&self, link: &str) -> v1::StartedResponse {
        let request = v1::StartResponseRequest { link: link.into(), ..Default::default() };
        let started = self.respondents().start_response(request).await.unwrap().into_inner();
        self.world.pass(60);
        started
    }

    /// A good submission of a link: begun a minute ago, with one grade and a text.
    pub async fn submission(&self, link: &str) -> v1::SubmitResponseRequest {
        let started = self.begun(link).await;
        v1::SubmitResponseRequest {
            link: link.into(),
            session: started.session,
            submission_id: Uuid::now_v7().to_string(),
            answers: vec![grade("overall", "", 4), words("fine")],
            browser_token: started.browser_token,
            ..Default::default()
        }
    }

    /// Submits.
    pub async fn submit(
        &self,
        request: v1::SubmitResponseRequest,
    ) -> Result<tonic::Response<v1::Receipt>, Status> {
        self.submit_from(request, "").await
    }

    /// Submits from an address.
    pub async fn submit_from(
        &self,
        request: v1::SubmitResponseRequest,
        address: &str,
    ) -> Result<tonic::Response<v1::Receipt>, Status> {
        let mut request = Request::new(request);
        if !address.is_empty() {
            request.metadata_mut().insert("x-manyi-client-address", address.parse().unwrap());
        }
        self.respondents().submit_response(request).await
    }

    /// A stored response as the administrator sees it.
    pub async fn response(&self, name: &str) -> v1::Response {
        let request = v1::GetResponseRequest { name: name.into() };
        self.responses().get_response(self.world.as_admin(request)).await.unwrap().into_inner()
    }

    /// Name of the campaign.
    pub fn name(&self) -> String {
        names::print("campaigns", self.campaign.id)
    }

    /// A request with a token.
    pub fn bearer<T>(&self, message: T, token: &str) -> Request<T> {
        bearer(message, token)
    }

    /// Counts of the campaign's fieldwork with one measure of the total.
    pub async fn total(&self, measure: i16) -> i64 {
        use crate::store::fieldwork::count::{Dimension, Key, read};
        let conn = self.world.app.db.read();
        let counts = read(conn, self.campaign.org, self.campaign.id, None).await.unwrap();
        let key = Key { dimension: Dimension::Total, item: String::new(), measure };
        counts.get(&key).copied().unwrap_or_default()
    }
}

async fn publish(world: &World) -> Uuid {
    let mut client = world.questionnaires();
    let questionnaire = v1::Questionnaire {
        unit: names::print("units", world.org.root),
        definition: Some(definition()),
        ..Default::default()
    };
    let create =
        v1::CreateQuestionnaireRequest { questionnaire: Some(questionnaire), ..Default::default() };
    let made = client.create_questionnaire(world.as_admin(create)).await.unwrap().into_inner();
    let publish = v1::PublishQuestionnaireRequest {
        name: made.name.clone(),
        etag: made.etag.clone(),
        ..Default::default()
    };
    client.publish_questionnaire(world.as_admin(publish)).await.unwrap();
    names::parse("questionnaires", &made.name).unwrap()
}
