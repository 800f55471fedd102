//! The service through its in-process router, on every database.

mod access;
mod audit;
mod clients;
mod keys;
mod people;
mod sign_in;
mod suspension;
mod tree;

use std::{sync::Arc, time::Duration};

use kit::{
    auth::{CONSISTENCY_HEADER, InternalTokens},
    clock::{Clock as _, ScriptedClock, SystemClock},
    error::{Result, ServiceError},
    rpc::{Chan, bearer, in_process},
    testing::{SEED, database_urls},
};
use proto::{
    auth::v1::{
        client_service_client::ClientServiceClient, grant_service_client::GrantServiceClient,
        organisation_service_client::OrganisationServiceClient,
        token_service_client::TokenServiceClient, unit_service_client::UnitServiceClient,
        user_service_client::UserServiceClient, *,
    },
    common::v1::Reason,
    names,
};
use tonic::{Response, Status};

use crate::{Bootstrap, Config, Service, build};

/// Sign-in name of the first organisation.
const BANK: &str = "bank";
/// Password of everyone, until it is changed.
const PASSWORD: &str = "correct horse 电池";

/// One service on one database, with one organisation.
#[derive(Clone)]
struct World {
    name: String,
    url: String,
    service: Service,
    chan: Chan,
    clock: Arc<ScriptedClock>,
    tokens: InternalTokens,
    /// Access token of the owner.
    owner: String,
    /// Name of the headquarters.
    root: String,
    /// Name of the organisation.
    org: String,
}

/// A fresh world on each database.
async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (name, url) in database_urls().await {
        worlds.push(World::new(name, url).await);
    }
    worlds
}

fn config(url: &str, clock: Arc<ScriptedClock>) -> Config {
    let bootstrap = Bootstrap {
        slug: BANK.to_owned(),
        display_name: "测试银行".to_owned(),
        owner_login: "owner".to_owned(),
        owner_password: PASSWORD.to_owned(),
        time_zone: String::new(),
    };
    Config { database_url: url.to_owned(), seed: SEED, clock, bootstrap: Some(bootstrap) }
}

impl World {
    async fn new(name: String, url: String) -> Self {
        let clock = Arc::new(ScriptedClock::new(SystemClock.now_us()));
        let service = build(config(&url, clock.clone())).await.unwrap();
        let chan = in_process(service.router());
        let mut world = Self {
            name,
            url,
            service,
            chan,
            clock,
            tokens: InternalTokens::new(&SEED),
            owner: String::new(),
            root: String::new(),
            org: String::new(),
        };
        world.owner = world.sign_in("owner").await.access_token;
        let own = world.tokens_api().get_self(bearer(GetSelfRequest {}, &world.owner)).await;
        let own = own.unwrap().into_inner();
        world.root = own.grants[0].unit.clone();
        world.org = own.organisation.unwrap().name;
        world
    }

    /// Another replica on the same database.
    async fn replica(&self) -> Self {
        let service = build(config(&self.url, self.clock.clone())).await.unwrap();
        Self { chan: in_process(service.router()), service, ..self.clone() }
    }

    fn tokens_api(&self) -> TokenServiceClient<Chan> {
        TokenServiceClient::new(self.chan.clone())
    }

    fn units(&self) -> UnitServiceClient<Chan> {
        UnitServiceClient::new(self.chan.clone())
    }

    fn users(&self) -> UserServiceClient<Chan> {
        UserServiceClient::new(self.chan.clone())
    }

    fn grants(&self) -> GrantServiceClient<Chan> {
        GrantServiceClient::new(self.chan.clone())
    }

    fn clients(&self) -> ClientServiceClient<Chan> {
        ClientServiceClient::new(self.chan.clone())
    }

    fn advance(&self, by_s: u64) {
        self.clock.advance(Duration::from_secs(by_s));
    }

    async fn token(&self, form: CreateTokenRequest) -> Result<CreateTokenResponse> {
        Ok(self.tokens_api().create_token(form).await?.into_inner())
    }

    async fn try_sign_in(&self, login: &str, password: &str) -> Result<CreateTokenResponse> {
        self.token(password_form(BANK, login, password)).await
    }

    async fn sign_in(&self, login: &str) -> CreateTokenResponse {
        self.try_sign_in(login, PASSWORD).await.unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    async fn refresh(&self, token: &str) -> Result<CreateTokenResponse> {
        self.token(refresh_form(token)).await
    }

    /// The caller as the service sees it.
    async fn who(&self, token: &str) -> Result<Self_> {
        Ok(self.tokens_api().get_self(bearer(GetSelfRequest {}, token)).await?.into_inner())
    }

    async fn try_unit(&self, token: &str, parent: &str, name: &str) -> Result<Unit> {
        let unit = Unit {
            parent: parent.to_owned(),
            kind: UnitKind::Branch as i32,
            display_name: name.to_owned(),
            ..Default::default()
        };
        let request = CreateUnitRequest { unit: Some(unit), request_id: String::new() };
        Ok(self.units().create_unit(bearer(request, token)).await?.into_inner())
    }

    /// A new branch; its name.
    async fn unit(&self, parent: &str, name: &str) -> String {
        self.try_unit(&self.owner, parent, name).await.unwrap().name
    }

    async fn try_user(&self, token: &str, login: &str, unit: &str) -> Result<User> {
        let user = User {
            login: login.to_owned(),
            display_name: format!("{login} 先生"),
            unit: unit.to_owned(),
            ..Default::default()
        };
        let request = CreateUserRequest {
            user: Some(user),
            password: PASSWORD.to_owned(),
            request_id: String::new(),
        };
        Ok(self.users().create_user(bearer(request, token)).await?.into_inner())
    }

    async fn try_grant(&self, token: &str, user: &str, role: &str, unit: &str) -> Result<Grant> {
        let grant = Grant {
            subject: user.to_owned(),
            role: format!("roles/{role}"),
            unit: unit.to_owned(),
            ..Default::default()
        };
        let request = CreateGrantRequest { grant: Some(grant) };
        Ok(self.grants().create_grant(bearer(request, token)).await?.into_inner())
    }

    /// A new user with a role on a unit: its name and an access token.
    async fn person(&self, login: &str, role: &str, unit: &str) -> (String, String) {
        let user = self.try_user(&self.owner, login, unit).await.unwrap().name;
        self.try_grant(&self.owner, &user, role, unit).await.unwrap();
        (user, self.sign_in(login).await.access_token)
    }

    /// A second organisation: its name, headquarters, and its owner's token.
    async fn other_organisation(&self, slug: &str) -> (String, String, String) {
        let organisation = Organisation {
            slug: slug.to_owned(),
            display_name: slug.to_owned(),
            ..Default::default()
        };
        let request = CreateOrganisationRequest {
            organisation: Some(organisation),
            owner_login: "owner".to_owned(),
            owner_password: PASSWORD.to_owned(),
            request_id: String::new(),
        };
        let mut api = OrganisationServiceClient::new(self.chan.clone());
        let founded = api.create_organisation(bearer(request, &self.tokens.operator())).await;
        let founded = founded.unwrap().into_inner();
        let token = self.token(password_form(slug, "owner", PASSWORD)).await.unwrap();
        let unit = founded.headquarters.unwrap().name;
        (founded.organisation.unwrap().name, unit, token.access_token)
    }
}

fn password_form(organisation: &str, login: &str, password: &str) -> CreateTokenRequest {
    CreateTokenRequest {
        grant_type: "password".to_owned(),
        organisation: organisation.to_owned(),
        username: login.to_owned(),
        password: password.to_owned(),
        ..Default::default()
    }
}

fn refresh_form(token: &str) -> CreateTokenRequest {
    CreateTokenRequest {
        grant_type: "refresh_token".to_owned(),
        refresh_token: token.to_owned(),
        ..Default::default()
    }
}

/// Checks why a call was refused.
#[track_caller]
fn refused<T: std::fmt::Debug>(world: &World, result: Result<T>, reason: Reason) -> ServiceError {
    match result {
        Ok(answer) => panic!("{}: not refused: {answer:?}", world.name),
        Err(error) => {
            assert_eq!(error.reason(), reason, "{}: {error}", world.name);
            error
        }
    }
}

/// The answer of a call, or why it was refused.
fn got<T>(result: std::result::Result<Response<T>, Status>) -> Result<T> {
    Ok(result?.into_inner())
}

/// The position that an answer carries.
fn position_of<T>(response: &Response<T>) -> String {
    let value = response.metadata().get(CONSISTENCY_HEADER).expect("a change has a position");
    value.to_str().unwrap().to_owned()
}

fn random_name(collection: &str) -> String {
    names::print(collection, uuid::Uuid::now_v7())
}
