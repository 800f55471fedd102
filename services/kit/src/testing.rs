//! What tests of several crates need: fresh databases of every kind, and identities without
//! the auth service. Panics when something is missing: a test is never skipped.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::{
    auth::v1::{
        Client, Event, FormerParent, Grant, Jwk, Organisation, Role, Staff, Unit, UnitKind, User,
        event::Change,
    },
    common::v1::{Kind, Permission},
    names, time,
};
use sea_orm::{ConnectionTrait, Database};
use sea_orm_migration::MigrationTrait;
use uuid::Uuid;

use crate::{
    auth::{AUDIENCE, AuthLayer, Claims, ISSUER, KeySource, Verifier},
    clock::SharedClock,
    db::{Db, open, plain},
    directory::Directory,
    error::Result,
};

mod service;

pub use service::{committed_groups, count_rows, fields, refusal};

/// Seed of tests.
pub const SEED: [u8; 32] = [42; 32];

/// Environment variable with the URL of a PostgreSQL server for tests.
pub const POSTGRES: &str = "MANYI_TEST_POSTGRES";

/// A fresh database of each kind: SQLite in memory, SQLite in a file, PostgreSQL.
///
/// # Panics
/// When one cannot be had.
pub async fn databases(migrations: fn() -> Vec<Box<dyn MigrationTrait>>) -> Vec<(String, Db)> {
    let mut found = Vec::new();
    for (name, url) in database_urls().await {
        let db = open(&url, migrations).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        found.push((name, db));
    }
    found
}

/// URLs of a fresh database of each kind.
pub async fn database_urls() -> Vec<(String, String)> {
    vec![
        ("sqlite memory".to_owned(), "sqlite::memory:".to_owned()),
        ("sqlite file".to_owned(), sqlite_file_url()),
        ("postgres".to_owned(), postgres_url().await),
    ]
}

/// URL of a fresh SQLite file in a temporary folder that stays until the machine cleans up.
pub fn sqlite_file_url() -> String {
    let folder = tempfile::Builder::new()
        .prefix("manyi-test-")
        .tempdir()
        .expect("a temporary folder can be made")
        .keep();
    format!("sqlite://{}/test.db", folder.display())
}

/// URL of a fresh PostgreSQL database on the server that `MANYI_TEST_POSTGRES` names.
///
/// # Panics
/// When there is no such server: `tests/scripts/postgres.sh start` makes one.
pub async fn postgres_url() -> String {
    let server = std::env::var(POSTGRES).unwrap_or_else(|_| {
        panic!(
            "{POSTGRES} is not set; run `make test`, or eval \"$(tests/scripts/postgres.sh start)\""
        )
    });
    postgres_url_at(&server).await
}

/// A new database on the PostgreSQL server with this URL.
///
/// # Panics
/// When the server does not answer.
pub async fn postgres_url_at(server: &str) -> String {
    let name = format!("t_{}", Uuid::now_v7().simple());
    let admin = Database::connect(plain(server)).await.expect("the test server answers");
    let create = format!("CREATE DATABASE {name}");
    admin.execute_unprepared(&create).await.expect("a database can be created");
    admin.close().await.expect("the connection closes");
    let (base, _) = server.rsplit_once('/').expect("the URL names a database");
    format!("{base}/{name}")
}

/// Signs tokens as auth would, and tells verifiers the key.
#[derive(Clone)]
pub struct TestKeys {
    signer: Arc<EncodingKey>,
    x: String,
}

impl Default for TestKeys {
    fn default() -> Self {
        let pair = Ed25519KeyPair::generate().expect("random numbers");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a fresh key can be printed");
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Self { signer: Arc::new(EncodingKey::from_ed_der(der.as_ref())), x }
    }
}

#[async_trait]
impl KeySource for TestKeys {
    async fn keys(&self) -> Result<Vec<Jwk>> {
        Ok(vec![Jwk { kid: "test".to_owned(), x: self.x.clone(), ..Default::default() }])
    }
}

impl TestKeys {
    /// A token with these claims.
    pub fn sign(&self, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("test".to_owned());
        jsonwebtoken::encode(&header, claims, &self.signer).expect("claims sign")
    }
}

/// An organisation that exists only in a directory, with a small tree:
/// headquarters → region → branches `a` and `b` → two windows each, one staff member per
/// window, and a second organisation's headquarters is a second `TestOrg`.
#[derive(Clone)]
pub struct TestOrg {
    /// Organisation.
    pub org: Uuid,
    /// Headquarters.
    pub root: Uuid,
    /// Region.
    pub region: Uuid,
    /// Branches.
    pub branches: [Uuid; 2],
    /// Windows: two of the first branch, two of the second.
    pub windows: [Uuid; 4],
    /// Staff, one for each window, with numbers `1001` to `1004`.
    pub staff: [Uuid; 4],
    keys: TestKeys,
    clock: SharedClock,
    directory: Directory,
}

impl TestOrg {
    /// Puts a new organisation into `directory`.
    pub async fn new(directory: &Directory, keys: &TestKeys, clock: SharedClock) -> Self {
        let ids = Self {
            org: Uuid::now_v7(),
            root: Uuid::now_v7(),
            region: Uuid::now_v7(),
            branches: std::array::from_fn(|_| Uuid::now_v7()),
            windows: std::array::from_fn(|_| Uuid::now_v7()),
            staff: std::array::from_fn(|_| Uuid::now_v7()),
            keys: keys.clone(),
            clock,
            directory: directory.clone(),
        };
        ids.apply(ids.founding()).await;
        ids
    }

    fn founding(&self) -> Vec<Change> {
        let unit = |id: Uuid, parent: Option<Uuid>, kind: UnitKind, name: &str| {
            Change::UnitChanged(Unit {
                name: names::print("units", id),
                parent: names::print_opt("units", parent),
                kind: kind as i32,
                display_name: name.to_owned(),
                ..Default::default()
            })
        };
        let mut changes = vec![
            Change::OrganisationChanged(self.organisation()),
            unit(self.root, None, UnitKind::Headquarters, "Headquarters"),
            unit(self.region, Some(self.root), UnitKind::Region, "Region"),
        ];
        for (i, branch) in self.branches.iter().enumerate() {
            changes.push(unit(*branch, Some(self.region), UnitKind::Branch, &format!("B{i}")));
        }
        for (i, window) in self.windows.iter().enumerate() {
            let branch = self.branches[i / 2];
            changes.push(unit(*window, Some(branch), UnitKind::Window, &format!("W{i}")));
            changes.push(Change::StaffChanged(Staff {
                name: names::print("staff", self.staff[i]),
                staff_number: (1001 + i).to_string(),
                display_name: format!("S{i}"),
                unit: names::print("units", branch),
                ..Default::default()
            }));
        }
        changes
    }

    /// Applies changes of this organisation to the directory.
    pub async fn apply(&self, changes: Vec<Change>) {
        let version = self.clock.now_us();
        let organisation = names::print("organisations", self.org);
        let events: Vec<Event> = changes
            .into_iter()
            .map(|change| Event {
                organisation: organisation.clone(),
                version,
                change: Some(change),
            })
            .collect();
        self.directory.apply_now(&events).await;
    }

    /// Moves a window below another branch, as of `move_us`.
    pub async fn move_window(&self, window: usize, branch: usize, move_us: i64) {
        let former = FormerParent {
            parent: names::print("units", self.branches[window / 2]),
            from_time: Some(time::from_us(0)),
        };
        let moved = Unit {
            name: names::print("units", self.windows[window]),
            parent: names::print("units", self.branches[branch]),
            kind: UnitKind::Window as i32,
            display_name: format!("W{window}"),
            move_time: Some(time::from_us(move_us)),
            former_parents: vec![former],
            ..Default::default()
        };
        self.apply(vec![Change::UnitChanged(moved)]).await;
    }

    /// Moves the first branch below a new region, as of `move_us`; the new region.
    pub async fn move_branch(&self, move_us: i64) -> Uuid {
        self.move_branch_and(move_us, |_| ()).await
    }

    /// The same, with what else changes of the branch.
    pub async fn move_branch_and(&self, move_us: i64, change: impl FnOnce(&mut Unit)) -> Uuid {
        let west = Uuid::from_u128(self.region.as_u128() ^ 1);
        let unit = |id: Uuid, parent: Uuid, kind: UnitKind, name: &str| Unit {
            name: names::print("units", id),
            parent: names::print("units", parent),
            kind: kind as i32,
            display_name: name.to_owned(),
            ..Default::default()
        };
        let parent = names::print("units", self.region);
        let mut moved = Unit {
            move_time: Some(time::from_us(move_us)),
            former_parents: vec![FormerParent { parent, from_time: Some(time::from_us(0)) }],
            ..unit(self.branches[0], west, UnitKind::Branch, "B0")
        };
        change(&mut moved);
        let changes = [unit(west, self.root, UnitKind::Region, "West"), moved];
        self.apply(changes.map(Change::UnitChanged).into()).await;
        west
    }

    /// Says whose user account a member of staff has.
    pub async fn link_staff(&self, staff: usize, user: Uuid) {
        let linked = Staff {
            name: names::print("staff", self.staff[staff]),
            staff_number: (1001 + staff).to_string(),
            display_name: format!("S{staff}"),
            unit: names::print("units", self.branches[staff / 2]),
            user: names::print("users", user),
            ..Default::default()
        };
        self.apply(vec![Change::StaffChanged(linked)]).await;
    }

    /// Suspends the organisation or takes it into service again.
    pub async fn suspend(&self, suspended: bool) {
        let changed = Organisation {
            suspend_time: suspended.then(|| time::from_us(self.clock.now_us())),
            ..self.organisation()
        };
        self.apply(vec![Change::OrganisationChanged(changed)]).await;
    }

    fn organisation(&self) -> Organisation {
        Organisation {
            name: names::print("organisations", self.org),
            slug: format!("org-{}", &self.org.simple().to_string()[24..]),
            display_name: "Test".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            ..Default::default()
        }
    }

    /// Token of a new user who holds `permissions` on `unit` and below.
    pub async fn user(&self, unit: Uuid, permissions: &[Permission]) -> String {
        self.user_with_id(unit, permissions).await.1
    }

    /// The same, with the user's id.
    pub async fn user_with_id(&self, unit: Uuid, permissions: &[Permission]) -> (Uuid, String) {
        let (user, role, grant) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        self.apply(vec![
            Change::UserChanged(User {
                name: names::print("users", user),
                unit: names::print("units", unit),
                ..Default::default()
            }),
            Change::RoleChanged(Role {
                name: names::print("roles", role),
                permissions: permissions.iter().map(|p| *p as i32).collect(),
                ..Default::default()
            }),
            Change::GrantAdded(Grant {
                name: names::print("grants", grant),
                subject: names::print("users", user),
                role: names::print("roles", role),
                unit: names::print("units", unit),
                ..Default::default()
            }),
        ])
        .await;
        let claims = self.claims(Kind::User, bare("users", user), None);
        (user, self.keys.sign(&claims))
    }

    /// Token of a new client: of a device when `device` is given, else of a partner system.
    pub async fn client(
        &self,
        unit: Uuid,
        permissions: &[Permission],
        device: Option<Uuid>,
    ) -> String {
        let client = Uuid::now_v7();
        let kind = if device.is_some() { Kind::Device } else { Kind::Partner };
        self.apply(vec![Change::ClientChanged(Client {
            name: names::print("clients", client),
            kind: kind as i32,
            unit: names::print("units", unit),
            scopes: permissions.iter().map(|p| *p as i32).collect(),
            device: names::print_opt("devices", device),
            ..Default::default()
        })])
        .await;
        self.keys.sign(&self.claims(kind, bare("clients", client), device))
    }

    fn claims(&self, kind: Kind, sub: String, device: Option<Uuid>) -> Claims {
        let now_s = self.clock.now_us() / 1_000_000;
        Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            org: bare("organisations", self.org),
            kind: kind as i32,
            sid: (kind == Kind::User).then(|| bare("sessions", Uuid::now_v7())),
            dev: device.map(|device| bare("devices", device)),
            scp: None,
            iat: now_s,
            nbf: now_s,
            exp: now_s + 365 * 86_400,
            jti: Uuid::now_v7().simple().to_string(),
        }
    }
}

/// The access layer of a service under test.
pub fn auth_layer(keys: &TestKeys, directory: &Directory, clock: SharedClock) -> AuthLayer {
    let verifier = Verifier::new(Arc::new(keys.clone()), &SEED, clock.clone());
    AuthLayer::new(verifier, directory.clone(), clock)
}

fn bare(collection: &str, id: Uuid) -> String {
    let name = names::print(collection, id);
    name.rsplit('/').next().unwrap_or_default().to_owned()
}
