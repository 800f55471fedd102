//! Two organisations of the same shape, and one caller of each kind.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use e2e::{Org, Shape, World, processes::Part, rest::text};
use kit::{
    db::plain,
    rpc::{Chan, connect},
};
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    analytics, customers, fieldwork,
    place::{PASSWORD, Place, fresh, post, session_of},
    principals::{Principal, Units, principal, token},
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
    other: Org,
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
        // The matrix asks faster than any caller may.
        let more = [("MANYI_QUOTA_CREDENTIAL", "100000".to_owned())];
        let mut world = World::start_with(Shape::ManyOnSqlite, &more).await;
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
        let units = Units { branch: own.word("branch"), region: region.clone() };
        for column in columns {
            let device = own.device.rest.token();
            principals.push(principal(&org, column, &units, device, &mut common).await);
        }
        let sequence = AtomicU64::new(100);
        Self {
            world,
            doors,
            principals,
            org,
            other,
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
        moved: Option<(&[&str], Where)>,
    ) -> Value {
        let mut values = BTreeMap::new();
        for word in words(&fixture.request) {
            let value = match moved {
                Some((objects, place)) if objects.contains(&word.as_str()) => {
                    self.elsewhere(&word, place)
                }
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
        canaries.push(session_of(self.other.rest.token().unwrap_or_default()));
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

    /// The same kind of caller with a say in the whole organisation, by the caller's token.
    pub async fn widened(&self) -> BTreeMap<String, String> {
        let head = self.org.headquarters.clone();
        let device = self.world.device(&self.org, &head).await;
        let units = Units { branch: head.clone(), region: head };
        let mut wide = BTreeMap::new();
        for narrow in &self.principals {
            let Some(token) = &narrow.token else { continue };
            let (column, device) = (&narrow.column, device.rest.token());
            let twin = principal(&self.org, column, &units, device, &mut BTreeMap::new()).await;
            wide.insert(token.clone(), twin.token.expect("a twin has a token, too"));
        }
        wide
    }

    /// Tokens of the other organisation: of its owner, and of a device of it.
    pub fn foreign_tokens(&self) -> [String; 2] {
        let token = |rest: &e2e::Rest| rest.token().expect("a signed-in caller").to_owned();
        [token(&self.other.rest), token(&self.foreign.device.rest)]
    }

    /// The request of a fixture with everything in the other organisation.
    pub async fn foreign_request(&self, fixture: &Fixture) -> Value {
        let mut values = BTreeMap::new();
        for word in words(&fixture.request) {
            let there = self.foreign.words.contains_key(&word);
            let value = match there || self.foreign_common.contains_key(&word) {
                true => self.elsewhere(&word, Where::Foreign),
                false => self.here(&word, self.principal("owner")).await,
            };
            values.insert(word, value);
        }
        filled(&fixture.request, &values)
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
