//! Somebody whose rights are given and taken again, and whoever does that.

use e2e::{Org, rest::text};
use kit::{
    auth::CONSISTENCY_HEADER,
    rpc::{Chan, bearer},
};
use proto::{
    auth::v1::{
        CreateGrantRequest, DeleteGrantRequest, Grant, MoveUnitRequest,
        grant_service_client::GrantServiceClient, unit_service_client::UnitServiceClient,
    },
    device::v1::{ListDevicesRequest, device_service_client::DeviceServiceClient},
};
use serde_json::json;
use tokio::sync::mpsc;
use tonic::{Code, Response};

use super::held::Gate;
use crate::authorization::place::{PASSWORD, fresh};

/// How often a call is repeated that the service had no time to decide on.
const REPEATS: usize = 20;

/// How a right is taken.
#[derive(Debug, Clone, Copy)]
pub enum Taking {
    /// The grant is withdrawn.
    Grant,
    /// The branch is moved out of the region that the grant is for.
    Move,
}

/// What became of a call after the right was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was refused.
    Refused,
    /// It was done: the service decided on rights of the past.
    Stale,
    /// It was not decided.
    Unavailable,
}

/// A person with a branch of its own.
#[derive(Clone)]
pub struct Lane {
    auth: Chan,
    device: Chan,
    gate: Gate,
    owner: String,
    user: String,
    token: String,
    region: String,
    elsewhere: String,
    branch: String,
}

/// The consistency token of an answer.
fn mark<T>(answer: &Response<T>) -> String {
    let mark = answer.metadata().get(CONSISTENCY_HEADER).expect("a change is marked");
    mark.to_str().expect("a token is plain text").to_owned()
}

impl Lane {
    /// A new person in two new regions.
    pub async fn new(org: &Org, auth: &Chan, device: &Chan, gate: &Gate) -> Self {
        let region = org.unit(&org.headquarters, "REGION", &fresh()).await;
        let elsewhere = org.unit(&org.headquarters, "REGION", &fresh()).await;
        let branch = org.unit(&region, "BRANCH", &fresh()).await;
        let login = fresh();
        let user = json!({
            "user": {"login": login, "displayName": login, "unit": branch}, "password": PASSWORD,
        });
        let user = text(&org.rest.post("/v1/users", user).await["name"]).to_owned();
        let person = org.rest.sign_in(&org.sign_in.organisation, &login, PASSWORD).await;
        let token = |rest: &e2e::Rest| rest.token().expect("a signed-in caller").to_owned();
        Self {
            auth: auth.clone(),
            device: device.clone(),
            gate: gate.clone(),
            owner: token(&org.rest),
            token: token(&person),
            user,
            region,
            elsewhere,
            branch,
        }
    }

    /// Gives a right, has it used, takes it, and has it used again with the token of that, by
    /// somebody else at the same time.
    pub async fn round(&self, taking: Taking) -> Verdict {
        let grant = self.give(taking).await;
        let (tell, mut told) = mpsc::channel::<String>(1);
        let reader = self.clone();
        let reader = tokio::spawn(async move {
            let mark = told.recv().await.expect("the right is taken");
            reader.verdict(Some(&mark)).await
        });
        let mark = self.take(taking, &grant).await;
        tell.send(mark).await.expect("the reader waits");
        let verdict = reader.await.expect("the reader runs to its end");
        self.tidy(taking, &grant).await;
        verdict
    }

    /// The same with a service that does not hear of the change, and that is told of it or not.
    pub async fn round_behind(&self, taking: Taking, told: bool) -> Verdict {
        let grant = self.give(taking).await;
        self.gate.set_open(false);
        let mark = self.take(taking, &grant).await;
        let code = self.read(told.then_some(&*mark)).await;
        self.gate.set_open(true);
        self.tidy(taking, &grant).await;
        judge(code)
    }

    /// Grants what `taking` takes; returns when it is good for something.
    async fn give(&self, taking: Taking) -> String {
        let (role, unit) = match taking {
            Taking::Grant => ("roles/branch-manager", &self.branch),
            Taking::Move => ("roles/regional-manager", &self.region),
        };
        let grant = Grant {
            subject: self.user.clone(),
            role: role.to_owned(),
            unit: unit.clone(),
            ..Default::default()
        };
        let request = bearer(CreateGrantRequest { grant: Some(grant) }, &self.owner);
        let given = GrantServiceClient::new(self.auth.clone()).create_grant(request).await;
        let given = given.expect("the owner may grant");
        let verdict = self.verdict(Some(&mark(&given))).await;
        // What was never allowed would prove nothing.
        assert_eq!(verdict, Verdict::Stale, "the right is good for nothing");
        given.into_inner().name
    }

    async fn take(&self, taking: Taking, grant: &str) -> String {
        match taking {
            Taking::Grant => self.withdraw(grant).await,
            Taking::Move => self.shift(&self.elsewhere).await,
        }
    }

    async fn withdraw(&self, grant: &str) -> String {
        let request = bearer(DeleteGrantRequest { name: grant.to_owned() }, &self.owner);
        let done = GrantServiceClient::new(self.auth.clone()).delete_grant(request).await;
        mark(&done.expect("the owner may withdraw"))
    }

    async fn shift(&self, parent: &str) -> String {
        let request = MoveUnitRequest {
            name: self.branch.clone(),
            parent: parent.to_owned(),
            etag: String::new(),
        };
        let request = bearer(request, &self.owner);
        let done = UnitServiceClient::new(self.auth.clone()).move_unit(request).await;
        mark(&done.expect("the owner may move"))
    }

    /// As before the round.
    async fn tidy(&self, taking: Taking, grant: &str) {
        if matches!(taking, Taking::Move) {
            self.withdraw(grant).await;
            self.shift(&self.region).await;
        }
    }

    async fn read(&self, mark: Option<&str>) -> Code {
        let request = ListDevicesRequest { unit: self.branch.clone(), ..Default::default() };
        let mut request = bearer(request, &self.token);
        if let Some(mark) = mark {
            let mark = mark.parse().expect("a token is plain text");
            request.metadata_mut().insert(CONSISTENCY_HEADER, mark);
        }
        let answer = DeviceServiceClient::new(self.device.clone()).list_devices(request).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    }

    /// Reads until that is decided.
    async fn verdict(&self, mark: Option<&str>) -> Verdict {
        let mut verdict = Verdict::Unavailable;
        for _ in 0..REPEATS {
            verdict = judge(self.read(mark).await);
            if verdict != Verdict::Unavailable {
                break;
            }
        }
        verdict
    }
}

fn judge(code: Code) -> Verdict {
    match code {
        Code::Ok => Verdict::Stale,
        Code::PermissionDenied | Code::NotFound => Verdict::Refused,
        Code::Unavailable => Verdict::Unavailable,
        other => panic!("{other:?} is no answer to that"),
    }
}
