//! Credentials of partner systems and devices.

use std::sync::Arc;

use auth_domain::{
    client::{Client, ClientKind, PARTNERS_MAX, check_scopes},
    event::Event,
    grant::check_role,
    permission::PermissionSet,
    role::BuiltIn,
    text,
};
use kit::{
    auth::{Caller, open_request},
    error::{Result, ServiceError},
    idempotency,
};
use proto::{
    auth::v1::{
        self as pb, ClientCredential, CreateClientRequest, IssueDeviceCredentialRequest,
        ListClientsRequest, ListClientsResponse, RevokeClientRequest,
        RevokeDeviceCredentialRequest, RevokeDeviceCredentialResponse, RotateClientSecretRequest,
        client_service_server::ClientService,
    },
    common::v1::{Kind, Reason},
    names,
};
use serde_json::{Value, json};
use tonic::{Code, Request, Response};
use uuid::Uuid;

use super::{
    Answer, answered, held_on, id_of, refusal, scan,
    token::check_in_service,
    units::{find as find_unit, find_in_use},
};
use crate::{
    core::Core,
    events,
    store::{Connection, clients, organisations},
    work::{Note, Work},
};

/// Handlers of the client service.
pub struct Clients(pub Arc<Core>);

#[tonic::async_trait]
impl ClientService for Clients {
    async fn create_client(
        &self,
        request: Request<CreateClientRequest>,
    ) -> Answer<ClientCredential> {
        Ok(self.create(request).await?)
    }

    async fn list_clients(
        &self,
        request: Request<ListClientsRequest>,
    ) -> Answer<ListClientsResponse> {
        Ok(self.list(request).await?)
    }

    async fn rotate_client_secret(
        &self,
        request: Request<RotateClientSecretRequest>,
    ) -> Answer<ClientCredential> {
        Ok(self.rotate(request).await?)
    }

    async fn revoke_client(&self, request: Request<RevokeClientRequest>) -> Answer<pb::Client> {
        Ok(self.revoke(request).await?)
    }

    async fn issue_device_credential(
        &self,
        request: Request<IssueDeviceCredentialRequest>,
    ) -> Answer<ClientCredential> {
        Ok(self.issue(request).await?)
    }

    async fn revoke_device_credential(
        &self,
        request: Request<RevokeDeviceCredentialRequest>,
    ) -> Answer<RevokeDeviceCredentialResponse> {
        Ok(self.revoke_device(request).await?)
    }
}

impl Clients {
    async fn create(
        &self,
        request: Request<CreateClientRequest>,
    ) -> Result<Response<ClientCredential>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let given = message.client.clone().unwrap_or_default();
        let unit = id_of("units", "client.unit", &given.unit)?;
        caller.authorize(unit)?;
        if !matches!(given.kind(), Kind::Partner | Kind::Unspecified) || !given.device.is_empty() {
            let text = "is not KIND_PARTNER; a device gets its credential when it enrols";
            return Err(ServiceError::invalid("client.kind", text));
        }
        let client = Client {
            id: core.new_id(),
            display_name: text::display_name("client.displayName", &given.display_name)
                .map_err(refusal)?,
            kind: ClientKind::Partner,
            unit,
            scopes: PermissionSet::from_numbers(&given.scopes),
            device: None,
            revoke_us: None,
            version: 1,
            create_us: core.now_us(),
        };
        check_scopes(client.scopes, held_on(&caller, unit)?).map_err(refusal)?;
        let mut work = Work::begin(core, caller.org).await?;
        let key = &message.request_id;
        let earlier = idempotency::replay(work.tx(), &caller, key, &message).await?;
        if let Some(earlier) = earlier {
            return Ok(Response::new(earlier));
        }
        if clients::count_partners(work.conn(), caller.org).await? >= PARTNERS_MAX {
            let text = "the organisation has as many partner systems as it may have";
            return Err(ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text));
        }
        find_in_use(work.conn(), caller.org, unit).await?;
        let answer = self.add(&mut work, client.clone()).await?;
        work.note(note(&caller, &client, json!({ "scopes": client.scopes.numbers() })));
        // Shown once: what is remembered of the answer holds no secret.
        let remembered = ClientCredential { client_secret: String::new(), ..answer.clone() };
        let clock = core.clock.as_ref();
        idempotency::remember(work.tx(), &caller, key, &message, &remembered, clock).await?;
        Ok(answered(answer, &work.commit().await?))
    }

    async fn list(
        &self,
        request: Request<ListClientsRequest>,
    ) -> Result<Response<ListClientsResponse>> {
        let (caller, message) = open_request(request)?;
        let visible = caller.visible()?;
        let listed = format!("clients|{}", caller.org);
        let page = self.0.pages.open(listed, message.page_size, &message.page_token)?;
        let narrowed = visible.narrowed(None)?;
        let fetch = |after: Option<Uuid>, limit| {
            let (conn, units) = (self.0.db.read().clone(), narrowed.clone());
            let org = caller.org;
            async move { clients::list(&conn, org, units.as_deref(), after, limit).await }
        };
        let keep = |row: &Client| visible.contains(row.unit);
        let (rows, next_page_token) = scan::fill(page, fetch, |row| row.id, keep).await?;
        Ok(Response::new(ListClientsResponse {
            clients: rows.iter().map(events::client).collect(),
            next_page_token,
        }))
    }

    async fn rotate(
        &self,
        request: Request<RotateClientSecretRequest>,
    ) -> Result<Response<ClientCredential>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("clients", "name", &message.name)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let mut client = find(work.conn(), &caller, id).await?;
        if client.kind == ClientKind::Device {
            let text = "a device gets a new credential when it enrols again";
            return Err(ServiceError::wrong_state(text));
        }
        if client.revoke_us.is_some() {
            return Err(ServiceError::wrong_state("the client is revoked"));
        }
        // Whoever holds the secret can act as the client.
        check_role(held_on(&caller, client.unit)?, client.scopes).map_err(refusal)?;
        client.version += 1;
        let secret = self.0.secrets.new_client_secret();
        let hash = self.0.secrets.client_hash(id, &secret).to_vec();
        clients::update(work.conn(), caller.org, &client, Some(hash)).await?;
        work.note(note(&caller, &client, json!({ "secret": true })));
        work.emit(Event::Client(client.clone()));
        Ok(answered(credential(&client, secret), &work.commit().await?))
    }

    async fn revoke(&self, request: Request<RevokeClientRequest>) -> Result<Response<pb::Client>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("clients", "name", &message.name)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let client = find(work.conn(), &caller, id).await?;
        if client.revoke_us.is_some() {
            return Ok(Response::new(events::client(&client)));
        }
        let client = end(&mut work, client).await?;
        work.note(note(&caller, &client, json!({ "revoked": true })));
        Ok(answered(events::client(&client), &work.commit().await?))
    }

    async fn issue(
        &self,
        request: Request<IssueDeviceCredentialRequest>,
    ) -> Result<Response<ClientCredential>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let org = find_organisation(core, &message.organisation).await?;
        let device = id_of("devices", "device", &message.device)?;
        let unit = id_of("units", "unit", &message.unit)?;
        let mut name = text::plain("displayName", &message.display_name).map_err(refusal)?;
        if name.is_empty() {
            name.clone_from(&message.device);
        }
        let client = Client {
            id: core.new_id(),
            display_name: name,
            kind: ClientKind::Device,
            unit,
            scopes: BuiltIn::Device.permissions(),
            device: Some(device),
            revoke_us: None,
            version: 1,
            create_us: core.now_us(),
        };
        let mut work = Work::begin(core, org).await?;
        check_in_service(work.conn(), org).await?;
        find_unit(work.conn(), org, unit).await?;
        if let Some(earlier) = clients::find_of_device(work.conn(), org, device).await? {
            end(&mut work, earlier).await?;
        }
        let answer = self.add(&mut work, client.clone()).await?;
        work.note(note(&caller, &client, json!({ "device": message.device })));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn revoke_device(
        &self,
        request: Request<RevokeDeviceCredentialRequest>,
    ) -> Result<Response<RevokeDeviceCredentialResponse>> {
        let (caller, message) = open_request(request)?;
        let org = find_organisation(&self.0, &message.organisation).await?;
        let device = id_of("devices", "device", &message.device)?;
        let mut work = Work::begin(&self.0, org).await?;
        let found = clients::find_of_device(work.conn(), org, device).await?;
        let Some(client) = found else {
            return Ok(Response::new(RevokeDeviceCredentialResponse {}));
        };
        let client = end(&mut work, client).await?;
        work.note(note(&caller, &client, json!({ "device": message.device, "revoked": true })));
        Ok(answered(RevokeDeviceCredentialResponse {}, &work.commit().await?))
    }

    /// Adds a client with a new secret.
    async fn add(&self, work: &mut Work, client: Client) -> Result<ClientCredential> {
        let secret = self.0.secrets.new_client_secret();
        let hash = self.0.secrets.client_hash(client.id, &secret).to_vec();
        clients::insert(work.conn(), work.org(), &client, hash).await?;
        let answer = credential(&client, secret);
        work.emit(Event::Client(client));
        Ok(answer)
    }
}

async fn find(conn: &impl Connection, caller: &Caller, id: Uuid) -> Result<Client> {
    let found = clients::find(conn, caller.org, id).await?;
    let client = found.ok_or_else(|| ServiceError::not_found("client"))?;
    caller.authorize_object(client.unit, "client")?;
    Ok(client)
}

async fn find_organisation(core: &Core, name: &str) -> Result<Uuid> {
    let id = id_of("organisations", "organisation", name)?;
    let found = organisations::find(core.db.read(), id).await?;
    found.map(|found| found.id).ok_or_else(|| ServiceError::not_found("organisation"))
}

/// Ends a client here and, through the feed, everywhere.
async fn end(work: &mut Work, mut client: Client) -> Result<Client> {
    client.revoke_us = Some(work.now_us);
    client.version += 1;
    clients::update(work.conn(), work.org(), &client, None).await?;
    work.emit(Event::Client(client.clone()));
    Ok(client)
}

fn credential(client: &Client, client_secret: String) -> ClientCredential {
    let name = names::print("clients", client.id);
    ClientCredential {
        client: Some(events::client(client)),
        client_id: name.trim_start_matches("clients/").to_owned(),
        client_secret,
    }
}

fn note(caller: &Caller, client: &Client, detail: Value) -> Note {
    Note::ok(caller, names::print("clients", client.id), Some(client.unit), detail)
}
