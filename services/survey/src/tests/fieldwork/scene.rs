//! Customers, a questionnaire, and calls that tests of fieldwork have in common.

use proto::{
    names,
    survey::v1::{
        self, FieldworkStatus, Invitation, ResponseChannel as Channel,
        campaign_service_client::CampaignServiceClient,
        invitation_service_client::InvitationServiceClient, plan_service_client::PlanServiceClient,
    },
};
use survey_domain::customer::{
    Activity, Consents, Customer, Personal, Preferences, Purpose, State, class_id,
};
use uuid::Uuid;

use crate::{
    fieldwork::sweep,
    store,
    tests::world::{NOW_US, World, worlds},
};
use kit::rpc::Chan;

/// A world with a published questionnaire.
pub struct Scene {
    /// The world.
    pub world: World,
    /// The questionnaire.
    pub questionnaire: Uuid,
}

/// A scene on each database.
pub async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for world in worlds().await {
        let questionnaire = publish(&world).await;
        scenes.push(Scene { world, questionnaire });
    }
    scenes
}

/// Publishes a questionnaire of one question at the headquarters.
async fn publish(world: &World) -> Uuid {
    let texts = |text: &str| [("zh-CN".to_owned(), text.to_owned())].into();
    let question = v1::Question {
        id: "nps".to_owned(),
        kind: v1::QuestionType::Nps as i32,
        text: texts("您会推荐我们吗？"),
        ..Default::default()
    };
    let section = v1::Section {
        id: "all".to_owned(),
        title: texts("全部"),
        questions: vec![question],
        ..Default::default()
    };
    let definition =
        v1::Definition { title: texts("问卷"), sections: vec![section], ..Default::default() };
    let create = v1::CreateQuestionnaireRequest {
        questionnaire: Some(v1::Questionnaire {
            unit: names::print("units", world.org.root),
            definition: Some(definition),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut client = world.questionnaires();
    let made = client.create_questionnaire(world.as_admin(create)).await.unwrap().into_inner();
    let publish = v1::PublishQuestionnaireRequest {
        name: made.name.clone(),
        etag: made.etag,
        ..Default::default()
    };
    client.publish_questionnaire(world.as_admin(publish)).await.unwrap();
    names::parse("questionnaires", &made.name).unwrap()
}

/// A customer of a branch who agreed to be asked and can be reached.
pub fn customer(world: &World, branch: usize, class: &str) -> Customer {
    let id = Uuid::now_v7();
    let personal = Personal {
        display_name: format!("Name {id}"),
        phone: format!("1{:010}", id.as_u128() % 10_000_000_000),
        email: format!("{}@example.com", id.simple()),
        ..Personal::default()
    };
    let org = world.org.org;
    Customer {
        id,
        org,
        unit: world.org.branches[branch],
        class: class_id(org, class),
        competitor: None,
        state: State::Active,
        merged_into: None,
        importance: 1.0,
        language: "zh-CN".to_owned(),
        since: None,
        contact_every_days: 0,
        attributes: Default::default(),
        preferences: Preferences::default(),
        consents: Consents::default().with(Purpose::Survey, true),
        activity: Activity::default(),
        legal_hold: false,
        sealed: world.app.vault.seal_new(id, &personal).unwrap(),
        hashes: world.app.vault.hashes(org, &personal),
        version: 1,
        create_us: NOW_US,
        change_us: NOW_US,
    }
}

impl Scene {
    /// Customers: `counts` of each branch, half of them internal.
    pub async fn customers(&self, counts: [usize; 2]) -> Vec<Uuid> {
        let class = |n: usize| if n.is_multiple_of(2) { "internal" } else { "external" };
        let of = |branch: usize| {
            (0..counts[branch]).map(move |n| customer(&self.world, branch, class(n)))
        };
        let customers: Vec<Customer> = of(0).chain(of(1)).collect();
        self.add(&customers).await;
        customers.iter().map(|customer| customer.id).collect()
    }

    /// Adds customers.
    pub async fn add(&self, customers: &[Customer]) {
        store::customer::insert(self.world.app.db.read(), customers).await.unwrap();
    }

    pub fn campaigns(&self) -> CampaignServiceClient<Chan> {
        CampaignServiceClient::new(self.world.chan.clone())
    }

    pub fn invitations(&self) -> InvitationServiceClient<Chan> {
        InvitationServiceClient::new(self.world.chan.clone())
    }

    pub fn plans(&self) -> PlanServiceClient<Chan> {
        PlanServiceClient::new(self.world.chan.clone())
    }

    /// A campaign of the region, by e-mail and telephone, in a message.
    pub fn draft(&self) -> v1::Campaign {
        v1::Campaign {
            unit: names::print("units", self.world.org.region),
            display_name: "Spring".to_owned(),
            questionnaire: names::print("questionnaires", self.questionnaire),
            channels: vec![Channel::Email as i32, Channel::Phone as i32],
            link_base: "https://survey.example.com/s/".to_owned(),
            ..Default::default()
        }
    }

    /// Creates a campaign.
    pub async fn create(&self, campaign: v1::Campaign) -> v1::Campaign {
        let request =
            v1::CreateCampaignRequest { campaign: Some(campaign), request_id: String::new() };
        let answer = self.campaigns().create_campaign(self.world.as_admin(request)).await;
        answer.unwrap().into_inner()
    }

    /// Opens a campaign.
    pub async fn open(&self, name: &str) -> v1::Campaign {
        let request = v1::OpenCampaignRequest { name: name.to_owned(), etag: String::new() };
        let answer = self.campaigns().open_campaign(self.world.as_admin(request)).await;
        answer.unwrap().into_inner()
    }

    /// Closes a campaign.
    pub async fn close(&self, name: &str) -> v1::Campaign {
        let request = v1::CloseCampaignRequest { name: name.to_owned() };
        let answer = self.campaigns().close_campaign(self.world.as_admin(request)).await;
        answer.unwrap().into_inner()
    }

    /// Draws the sample.
    pub async fn draw(&self, name: &str) -> v1::Sample {
        let request = v1::DrawSampleRequest { name: name.to_owned(), validate_only: false };
        let answer = self.campaigns().draw_sample(self.world.as_admin(request)).await;
        answer.unwrap().into_inner()
    }

    /// The state of fieldwork.
    pub async fn status(&self, name: &str) -> FieldworkStatus {
        let request =
            v1::GetFieldworkStatusRequest { name: name.to_owned(), from_date: String::new() };
        let answer = self.campaigns().get_fieldwork_status(self.world.as_admin(request)).await;
        answer.unwrap().into_inner()
    }

    /// Invitations of a campaign.
    pub async fn invited(&self, campaign: &str) -> Vec<Invitation> {
        let request = v1::ListInvitationsRequest {
            campaign: campaign.to_owned(),
            page_size: 1000,
            ..Default::default()
        };
        let answer = self.invitations().list_invitations(self.world.as_admin(request)).await;
        answer.unwrap().into_inner().invitations
    }

    /// Lets the background work have a turn.
    pub async fn sweep(&self) {
        sweep::turn(&self.world.app).await;
    }
}

/// A census by the campaign's channels.
pub fn census() -> v1::SamplingDesign {
    v1::SamplingDesign { method: v1::SamplingMethod::Census as i32, ..Default::default() }
}

/// A design with a size and a seed.
pub fn design(method: v1::SamplingMethod, size: i32) -> v1::SamplingDesign {
    v1::SamplingDesign { method: method as i32, size, seed: 42, ..Default::default() }
}
