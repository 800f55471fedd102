//! Two organisations of the same shape, and one caller of each kind.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use e2e::{Org, Rest, Shape, World, processes::Part, rest::text};
use kit::{
    db::plain,
    rpc::{Chan, connect},
};
use proto::common::v1::Permission;
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    analytics, customers, fieldwork,
    place::{PASSWORD, Place, fresh, post, session_of},
    questionnaires,
    requests::{Fixture, filled, words},
};

/// Where the objects of a request lie, seen from the own branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In the branch where everyone has a say.
    Own,
    /// In the next branch of the region.
    Sibling,
    /// In a branch of another region.
    Far,
    /// In another organisation.
    Foreign,
    /// Nowhere.
    Nowhere,
}

/// How far a caller's subtree reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The own branch, or less.
    Branch,
    /// The own region.
    Region,
    /// The organisation.
    Organisation,
    /// No organisation's own caller.
    Outside,
}

/// A caller.
pub struct Principal {
    /// Its column in the matrix.
    pub column: String,
    /// How far its subtree reaches.
    pub reach: Reach,
    login: Option<String>,
    token: Option<String>,
}

/// Ways to the services.
pub struct Doors {
    auth: Chan,
    device: Chan,
    survey: Chan,
    analytics: Chan,
    /// The gateway, for gRPC.
    pub gateway: Chan,
}

impl Doors {
    /// The own port of the service that has a package.
    pub fn of_package(&self, package: &str) -> &Chan {
        match package {
            "manyi.auth.v1" => &self.auth,
            "manyi.device.v1" => &self.device,
            "manyi.survey.v1" => &self.survey,
            "manyi.analytics.v1" => &self.analytics,
            other => panic!("no service has {other}"),
        }
    }
}

/// All of it.
pub struct Scene {
    /// The suite, as processes.
    pub world: World,
    /// Ways to the services.
    pub doors: Doors,
    /// Callers in the order of the matrix.
    pub principals: Vec<Principal>,
    org: Org,
    own: Place,
    sibling: Place,
    far: Place,
    foreign: Place,
    common: BTreeMap<String, String>,
    foreign_common: BTreeMap<String, String>,
    sequence: AtomicU64,
    addresses: [String; 5],
}

/// Has the feed of analytics tell something: its alerts need days of ratings.
async fn told(database: &str) {
    let conn = Database::connect(plain(database)).await.expect("the database can be opened");
    let group = "INSERT INTO outbox (group_id, commit_us, events) VALUES (zeroblob(16), 1, x'')";
    conn.execute_unprepared(group).await.expect("a group can be written");
}

impl Scene {
    /// Builds everything.
    pub async fn build(columns: &[String]) -> Self {
        let mut world = World::start(Shape::ManyOnSqlite).await;
        let to = |uri: String| connect(&uri).expect("an address");
        let processes = world.processes();
        let addresses = Part::ALL.map(|part| processes.address_of(part));
        let doors = Doors {
            auth: to(processes.address_of(Part::Auth)),
            device: to(processes.address_of(Part::Device)),
            survey: to(processes.address_of(Part::Survey)),
            analytics: to(processes.address_of(Part::Analytics)),
            gateway: to(processes.address()),
        };
        let org = world.organisation().await;
        let mut common = common(&org).await;
        common.insert("spare_organisation".to_owned(), world.organisation().await.name);
        let region = org.unit(&org.headquarters, "REGION", &fresh()).await;
        let other_region = org.unit(&org.headquarters, "REGION", &fresh()).await;
        let own = Place::build(&world, &org, &region).await;
        let sibling = Place::build(&world, &org, &region).await;
        let far = Place::build(&world, &org, &other_region).await;
        let other = world.organisation().await;
        let foreign_common = self::common(&other).await;
        let foreign_region = other.unit(&other.headquarters, "REGION", &fresh()).await;
        let foreign = Place::build(&world, &other, &foreign_region).await;
        told(&world.databases.analytics).await;
        let mut principals = Vec::new();
        for column in columns {
            principals.push(principal(&org, column, &own, &region, &mut common).await);
        }
        let sequence = AtomicU64::new(100);
        Self {
            world,
            doors,
            principals,
            org,
            own,
            sibling,
            far,
            foreign,
            common,
            foreign_common,
            sequence,
            addresses,
        }
    }

    /// Address of a process.
    pub fn address_of(&self, part: Part) -> String {
        self.addresses[part as usize].clone()
    }

    /// Token of a caller; the installation's own ones live for a minute only.
    pub fn token(&self, principal: &Principal) -> Option<String> {
        let tokens = kit::auth::InternalTokens::new(&self.world.seed.0);
        match principal.column.as_str() {
            "operator" => Some(tokens.operator()),
            "internal" => Some(tokens.internal()),
            _ => principal.token.clone(),
        }
    }

    /// The request of a fixture for a caller, all objects in the own branch but `moved`.
    pub async fn request(
        &self,
        fixture: &Fixture,
        principal: &Principal,
        moved: Option<(&str, Where)>,
    ) -> Value {
        let mut values = BTreeMap::new();
        for word in words(&fixture.request) {
            let value = match moved {
                Some((object, place)) if object == word => self.elsewhere(&word, place),
                _ => self.here(&word, principal).await,
            };
            values.insert(word, value);
        }
        filled(&fixture.request, &values)
    }

    /// Whether an object belongs to a branch, and not to the organisation as a whole.
    pub fn is_of_branch(&self, word: &str) -> bool {
        self.own.words.contains_key(word)
    }

    /// Texts that only the other organisation has.
    pub fn canaries(&self) -> Vec<String> {
        let all = self.foreign.words.values().chain(self.foreign_common.values());
        let mut canaries: Vec<String> = all.cloned().collect();
        canaries.sort_unstable();
        canaries.dedup();
        canaries
    }

    /// The caller of a column.
    pub fn principal(&self, column: &str) -> &Principal {
        let found = self.principals.iter().find(|principal| principal.column == column);
        found.unwrap_or_else(|| panic!("nobody stands for {column}"))
    }

    /// The owner's organisation.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// The branch where everyone has a say.
    pub fn own(&self) -> &Place {
        &self.own
    }

    /// The next branch of the region.
    pub fn sibling(&self) -> &Place {
        &self.sibling
    }

    /// An object by its word, wherever it is.
    pub fn elsewhere(&self, word: &str, place: Where) -> String {
        let of = |place: &Place, common: &BTreeMap<String, String>| {
            common.get(word).cloned().unwrap_or_else(|| place.word(word))
        };
        match place {
            Where::Own => of(&self.own, &self.common),
            Where::Sibling => of(&self.sibling, &self.common),
            Where::Far => of(&self.far, &self.common),
            Where::Foreign => of(&self.foreign, &self.foreign_common),
            Where::Nowhere => {
                let like = of(&self.foreign, &self.foreign_common);
                let (head, _) = like.rsplit_once('_').unwrap_or((&like, ""));
                format!("{head}_{}", Uuid::now_v7().simple())
            }
        }
    }

    /// An object by its word in the own branch, or something new.
    pub async fn here(&self, word: &str, principal: &Principal) -> String {
        match word {
            "fresh" => fresh(),
            "uuid" => Uuid::now_v7().to_string(),
            "sequence" => self.next().to_string(),
            "password" => PASSWORD.to_owned(),
            "slug" => self.org.sign_in.organisation.clone(),
            "new_grant" => {
                let (subject, unit) = (self.own.word("colleague"), self.own.word("branch"));
                let grant = json!({"subject": subject, "role": "roles/staff", "unit": unit});
                self.made("/v1/grants", grant).await
            }
            "new_role" => {
                let role = json!({"displayName": fresh(), "permissions": ["PERMISSION_ORG_READ"]});
                self.made("/v1/roles", role).await
            }
            "new_questionnaire" => {
                let draft = questionnaires::draft(&self.own.word("branch"));
                self.made("/v1/questionnaires", draft).await
            }
            "new_campaign" => {
                let (unit, asked) = (self.own.word("branch"), self.own.word("questionnaire"));
                self.made("/v1/campaigns", fieldwork::draft(&unit, &asked)).await
            }
            "new_customer" | "other_customer" | "erasable_customer" => {
                self.made("/v1/customers", customers::draft(&self.own.word("branch"))).await
            }
            "new_alert_rule" => {
                let rule = analytics::alert_rule(&self.own.word("branch"));
                self.made("/v1/alertRules", rule).await
            }
            "surveyjs" => questionnaires::SURVEYJS.to_owned(),
            "new_quarantined" => self.own.quarantined(&self.org, self.next()).await,
            "new_pairing_code" => {
                let path = format!("/v1/{}:createPairingCode", self.own.word("spare_device"));
                text(&self.org.rest.post(&path, json!({})).await["code"]).to_owned()
            }
            "on_duty_window" => {
                let window = self.own.word(word);
                let number = self.own.word("staff_number");
                let event = Uuid::now_v7();
                let body = json!({"eventId": event, "window": window, "staffNumber": number});
                self.org.rest.post("/v1/shifts:signIn", body).await;
                window
            }
            "own_session" => match &principal.login {
                Some(login) => session_of(&token(&self.org, login).await),
                None => self.own.word(word),
            },
            _ => self.elsewhere(word, Where::Own),
        }
    }

    async fn made(&self, path: &str, body: Value) -> String {
        text(&self.org.rest.post(path, body).await["name"]).to_owned()
    }

    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}

/// Objects that belong to an organisation as a whole.
async fn common(org: &Org) -> BTreeMap<String, String> {
    let mut common = BTreeMap::new();
    common.insert("template".to_owned(), org.five_grades().await);
    let grade = |value: i32| json!({"value": value, "label": {"texts": {"en": value.to_string()}}});
    let template = json!({
        "displayName": fresh(), "items": [{"code": "overall"}],
        "grades": [grade(1), grade(2)], "scaleMin": 1, "scaleMax": 2,
    });
    let template = post(org, "/v1/templates", template).await;
    common.insert("spare_template".to_owned(), text(&template["name"]).to_owned());
    customers::common(org, &mut common).await;
    for word in ["role", "new_role"] {
        let role = json!({"displayName": fresh(), "permissions": ["PERMISSION_ORG_READ"]});
        let role = post(org, "/v1/roles", role).await;
        common.insert(word.to_owned(), text(&role["name"]).to_owned());
    }
    common
}

async fn token(org: &Org, login: &str) -> String {
    let rest: Rest = org.rest.sign_in(&org.sign_in.organisation, login, PASSWORD).await;
    rest.token().unwrap_or_default().to_owned()
}

async fn principal(
    org: &Org,
    column: &str,
    own: &Place,
    region: &str,
    common: &mut BTreeMap<String, String>,
) -> Principal {
    let branch = own.word("branch");
    let (role, unit, reach) = match column {
        "staff" => ("staff", &*branch, Reach::Branch),
        "branch_manager" => ("branch-manager", &*branch, Reach::Branch),
        "regional_manager" => ("regional-manager", region, Reach::Region),
        "analyst" => ("analyst", region, Reach::Region),
        "auditor" => ("auditor", &*org.headquarters, Reach::Organisation),
        "administrator" => ("administrator", &*org.headquarters, Reach::Organisation),
        "owner" => ("owner", &*org.headquarters, Reach::Organisation),
        "device" => {
            let token = own.device.rest.token().map(str::to_owned);
            return Principal {
                column: column.to_owned(),
                reach: Reach::Branch,
                login: None,
                token,
            };
        }
        "partner" => return partner(org, region, common).await,
        "anonymous" | "operator" | "internal" => {
            let (column, reach) = (column.to_owned(), Reach::Outside);
            return Principal { column, reach, login: None, token: None };
        }
        other => panic!("nobody stands for {other}"),
    };
    let login = fresh();
    let user = json!({
        "user": {"login": login, "displayName": column, "unit": unit}, "password": PASSWORD,
    });
    let user = post(org, "/v1/users", user).await;
    let role = format!("roles/{role}");
    let grant = json!({"subject": user["name"], "role": role, "unit": unit});
    post(org, "/v1/grants", grant).await;
    if column == "staff" {
        // Reads its own records, which the requests do not name: the objects are a colleague's.
        let member = json!({
            "staffNumber": fresh(), "displayName": column, "unit": unit, "user": user["name"],
        });
        post(org, "/v1/staff", member).await;
    }
    let token = Some(token(org, &login).await);
    Principal { column: column.to_owned(), reach, login: Some(login), token }
}

/// A partner system with everything that a partner system may hold.
async fn partner(org: &Org, region: &str, common: &mut BTreeMap<String, String>) -> Principal {
    let own = ["PERMISSION_SYSTEM_OPERATE", "PERMISSION_FEED_READ"];
    let scopes: Vec<&str> = (1..)
        .map_while(|number| Permission::try_from(number).ok())
        .map(|permission| permission.as_str_name())
        .filter(|name| !own.contains(name))
        .collect();
    assert!(scopes.len() > 20, "{scopes:?}");
    let client = json!({
        "displayName": fresh(), "kind": "KIND_PARTNER", "unit": region, "scopes": scopes,
    });
    let client = post(org, "/v1/clients", client).await;
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    common.insert("partner_id".to_owned(), id.to_owned());
    common.insert("partner_secret".to_owned(), secret.to_owned());
    let token = org.rest.sign_in_client(id, secret).await.token().map(str::to_owned);
    Principal { column: "partner".to_owned(), reach: Reach::Region, login: None, token }
}
