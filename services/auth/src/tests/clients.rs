//! Credentials of partner systems and devices.

use proto::common::v1::{Kind, Permission};

use super::*;

pub(super) fn partner(unit: &str, scopes: &[Permission]) -> Client {
    Client {
        display_name: "队列系统".to_owned(),
        kind: Kind::Partner as i32,
        unit: unit.to_owned(),
        scopes: scopes.iter().map(|p| *p as i32).collect(),
        ..Default::default()
    }
}

pub(super) async fn create(
    world: &World,
    token: &str,
    client: Client,
    request_id: &str,
) -> Result<ClientCredential> {
    let request = CreateClientRequest { client: Some(client), request_id: request_id.to_owned() };
    got(world.clients().create_client(bearer(request, token)).await)
}

pub(super) fn form(client_id: &str, client_secret: &str, scope: &str) -> CreateTokenRequest {
    CreateTokenRequest {
        grant_type: "client_credentials".to_owned(),
        client_id: client_id.to_owned(),
        client_secret: client_secret.to_owned(),
        scope: scope.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_partner_acts_within_its_scopes_until_it_is_revoked() {
    for world in worlds().await {
        let a = world.unit(&world.root, "a").await;
        let scopes = [Permission::OrgRead, Permission::RatingSubmit];
        let made = create(&world, &world.owner, partner(&a, &scopes), "").await.unwrap();
        let (id, secret) = (made.client_id.clone(), made.client_secret.clone());
        let token = world.token(form(&id, &secret, "")).await.unwrap();
        assert_eq!(token.scope, "org.read rating.submit");
        assert!(token.refresh_token.is_empty());
        let own = world.who(&token.access_token).await.unwrap();
        assert_eq!((own.kind(), own.permissions), (Kind::Partner, vec![1, 20]));
        let get = GetUnitRequest { name: a.clone() };
        got(world.units().get_unit(bearer(get.clone(), &token.access_token)).await).unwrap();
        let above = GetUnitRequest { name: world.root.clone() };
        let above = got(world.units().get_unit(bearer(above, &token.access_token)).await);
        refused(&world, above, Reason::NotFound);
        let edit = world.try_unit(&token.access_token, &a, "x").await;
        refused(&world, edit, Reason::PermissionDenied);

        let narrow = world.token(form(&id, &secret, "rating.submit")).await.unwrap();
        let denied = got(world.units().get_unit(bearer(get, &narrow.access_token)).await);
        refused(&world, denied, Reason::PermissionDenied);
        for scope in ["rating.read", "nonsense"] {
            let wide =
                refused(&world, world.token(form(&id, &secret, scope)).await, Reason::InvalidField);
            assert!(format!("{wide:?}").contains("invalid_scope"));
        }

        let name = made.client.unwrap().name;
        let rotate = RotateClientSecretRequest { name: name.clone() };
        let rotated = got(world.clients().rotate_client_secret(bearer(rotate, &world.owner)).await);
        let rotated = rotated.unwrap();
        let old = world.token(form(&id, &secret, "")).await;
        refused(&world, old, Reason::BadCredentials);
        let fresh = world.token(form(&id, &rotated.client_secret, "")).await.unwrap();

        let revoke = RevokeClientRequest { name };
        got(world.clients().revoke_client(bearer(revoke, &world.owner)).await).unwrap();
        refused(&world, world.who(&fresh.access_token).await, Reason::Revoked);
        let after = world.token(form(&id, &rotated.client_secret, "")).await;
        refused(&world, after, Reason::BadCredentials);
    }
}

#[tokio::test]
async fn wrong_secrets_and_unknown_clients_get_the_same_bytes() {
    for world in worlds().await {
        let made =
            create(&world, &world.owner, partner(&world.root, &[Permission::OrgRead]), "").await;
        let made = made.unwrap();
        let unknown = random_name("clients").replace("clients/", "");
        let mut seen = Vec::new();
        for (id, secret) in [
            (made.client_id.as_str(), "mcs_wrong"),
            (&unknown, &made.client_secret),
            ("'; DROP TABLE client", "mcs_wrong"),
        ] {
            let status = world.tokens_api().create_token(form(id, secret, "")).await.unwrap_err();
            seen.push((status.code(), status.message().to_owned(), status.details().to_vec()));
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{}: {seen:?}", world.name);
        // A refresh token is no business of clients.
        let mut stolen = refresh_form(&world.sign_in("owner").await.refresh_token);
        stolen.client_id = made.client_id;
        refused(&world, world.token(stolen).await, Reason::BadCredentials);
    }
}

#[tokio::test]
async fn a_clients_scopes_are_never_wider_than_its_makers() {
    for world in worlds().await {
        let maker = Role {
            display_name: "integrator".to_owned(),
            permissions: vec![Permission::ClientManage as i32, Permission::OrgRead as i32],
            ..Default::default()
        };
        let request = CreateRoleRequest { role: Some(maker), request_id: String::new() };
        let role = got(world.grants().create_role(bearer(request, &world.owner)).await).unwrap();
        let word = role.name.trim_start_matches("roles/");
        let (_, token) = world.person("integrator", word, &world.root).await;
        let wide = partner(&world.root, &[Permission::OrgRead, Permission::RatingRead]);
        refused(&world, create(&world, &token, wide.clone(), "").await, Reason::PermissionDenied);
        create(&world, &token, partner(&world.root, &[Permission::OrgRead]), "").await.unwrap();
        // Nor can they be taken over by a new secret.
        let strong = create(&world, &world.owner, wide, "").await.unwrap().client.unwrap();
        let rotate = RotateClientSecretRequest { name: strong.name };
        let rotated = got(world.clients().rotate_client_secret(bearer(rotate, &token)).await);
        refused(&world, rotated, Reason::PermissionDenied);
        let system = partner(&world.root, &[Permission::SystemOperate]);
        let system = create(&world, &world.owner, system, "").await;
        refused(&world, system, Reason::InvalidField);
        let none = create(&world, &world.owner, partner(&world.root, &[]), "").await;
        refused(&world, none, Reason::InvalidField);
    }
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    for world in worlds().await {
        let client = partner(&world.root, &[Permission::OrgRead]);
        let first = create(&world, &world.owner, client.clone(), "k").await.unwrap();
        let again = create(&world, &world.owner, client, "k").await.unwrap();
        assert!(!first.client_secret.is_empty() && again.client_secret.is_empty());
        assert_eq!(first.client_id, again.client_id);
        let list = bearer(ListClientsRequest::default(), &world.owner);
        let clients = got(world.clients().list_clients(list).await).unwrap().clients;
        assert_eq!(clients, [first.client.unwrap()]);
    }
}

#[tokio::test]
async fn a_device_gets_one_credential_at_a_time() {
    for world in worlds().await {
        let device = random_name("devices");
        let internal = world.tokens.internal();
        let issue = async |organisation: &str, unit: &str| {
            let request = IssueDeviceCredentialRequest {
                organisation: organisation.to_owned(),
                device: device.clone(),
                unit: unit.to_owned(),
                display_name: "窗口 1".to_owned(),
            };
            got(world.clients().issue_device_credential(bearer(request, &internal)).await)
        };
        let first = issue(&world.org, &world.root).await.unwrap();
        let token = world.token(form(&first.client_id, &first.client_secret, "")).await.unwrap();
        let own = world.who(&token.access_token).await.unwrap();
        assert_eq!((own.kind(), own.permissions.len()), (Kind::Device, 7));
        let second = issue(&world.org, &world.root).await.unwrap();
        refused(&world, world.who(&token.access_token).await, Reason::Revoked);
        let old = world.token(form(&first.client_id, &first.client_secret, "")).await;
        refused(&world, old, Reason::BadCredentials);
        world.token(form(&second.client_id, &second.client_secret, "")).await.unwrap();
        refused(&world, issue(&random_name("organisations"), &world.root).await, Reason::NotFound);
        refused(&world, issue(&world.org, &random_name("units")).await, Reason::NotFound);

        let revoke = RevokeDeviceCredentialRequest { organisation: world.org.clone(), device };
        for _ in 0..2 {
            let revoke = bearer(revoke.clone(), &internal);
            got(world.clients().revoke_device_credential(revoke).await).unwrap();
        }
        let ended = world.token(form(&second.client_id, &second.client_secret, "")).await;
        refused(&world, ended, Reason::BadCredentials);
        let by_owner = bearer(revoke, &world.owner);
        let by_owner = got(world.clients().revoke_device_credential(by_owner).await);
        refused(&world, by_owner, Reason::PermissionDenied);
    }
}
