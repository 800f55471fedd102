//! How an organisation begins: headquarters, built-in roles, first owner.

use std::sync::Arc;

use auth_domain::{
    event::Event,
    grant::Grant,
    organisation::{Organisation, check_slug},
    password,
    role::{BUILT_IN, BuiltIn},
    text,
    unit::{Unit, UnitKind},
    user::{User, check_login},
};
use kit::error::{Result, ServiceError};
use uuid::Uuid;

use super::refusal;
use crate::{
    core::Core,
    store::{grants, organisations, roles, units, users},
    work::Work,
};

/// What is to be founded, checked.
pub struct Founding {
    slug: String,
    display_name: String,
    time_zone: String,
    owner_login: String,
    owner_password: String,
}

/// What was founded.
pub struct Founded {
    /// The organisation.
    pub organisation: Organisation,
    /// Its headquarters.
    pub headquarters: Unit,
    /// Its first owner.
    pub owner: User,
}

impl Founding {
    /// Checks names and password; `prefix` stands before the names of the organisation's
    /// fields, and `owner` names the fields of the owner's login and password.
    pub fn check(prefix: &str, organisation: [&str; 3], owner: [(&str, &str); 2]) -> Result<Self> {
        let [slug, display_name, time_zone] = organisation;
        let [(login_field, login), (password_field, secret)] = owner;
        check_slug(&format!("{prefix}slug"), slug).map_err(refusal)?;
        let display_name =
            text::display_name(&format!("{prefix}displayName"), display_name).map_err(refusal)?;
        let mut time_zone =
            text::time_zone(&format!("{prefix}timeZone"), time_zone).map_err(refusal)?;
        if time_zone.is_empty() {
            text::TIME_ZONE_DEFAULT.clone_into(&mut time_zone);
        }
        check_login(login_field, login).map_err(refusal)?;
        password::check(password_field, secret, login).map_err(refusal)?;
        Ok(Self {
            slug: slug.to_owned(),
            display_name,
            time_zone,
            owner_login: login.to_owned(),
            owner_password: secret.to_owned(),
        })
    }

    /// Hash of the owner's password.
    pub async fn hash(&self, core: &Core) -> Result<String> {
        core.hasher.hash(self.owner_password.clone()).await
    }
}

/// Founds the organisation of `work`, which must be a new one.
pub async fn found(
    core: &Core,
    work: &mut Work,
    founding: &Founding,
    password_hash: String,
) -> Result<Founded> {
    let (org, now_us) = (work.org(), work.now_us);
    if organisations::find_by_slug(work.conn(), &founding.slug).await?.is_some() {
        let text = "an organisation has this sign-in name already";
        return Err(ServiceError::already_exists(text));
    }
    let organisation = Organisation {
        id: org,
        slug: founding.slug.clone(),
        display_name: founding.display_name.clone(),
        time_zone: founding.time_zone.clone(),
        version: 1,
        create_us: now_us,
        suspend_us: None,
        zone_us: 0,
        former_zones: Vec::new(),
    };
    organisations::insert(work.conn(), &organisation).await?;
    work.emit(Event::Organisation(organisation.clone()));
    for built_in in BUILT_IN {
        let role = built_in.role(1);
        roles::insert(work.conn(), org, &role).await?;
        work.emit(Event::Role(role));
    }
    let headquarters = headquarters(core.new_id(), founding, now_us);
    units::insert(work.conn(), org, &headquarters).await?;
    work.emit(Event::Unit(headquarters.clone()));
    let owner = User {
        id: core.new_id(),
        login: founding.owner_login.clone(),
        display_name: founding.owner_login.clone(),
        unit: headquarters.id,
        language: String::new(),
        disabled: false,
        version: 1,
        create_us: now_us,
    };
    users::insert(work.conn(), org, &owner, password_hash).await?;
    work.emit(Event::User(owner.clone()));
    let grant = Grant {
        id: core.new_id(),
        user: owner.id,
        role: BuiltIn::Owner.id(),
        unit: headquarters.id,
        create_us: now_us,
    };
    grants::insert(work.conn(), org, &grant).await?;
    work.emit(Event::Grant(grant));
    Ok(Founded { organisation, headquarters, owner })
}

fn headquarters(id: Uuid, founding: &Founding, now_us: i64) -> Unit {
    Unit {
        id,
        parent: None,
        kind: UnitKind::Headquarters,
        display_name: founding.display_name.clone(),
        code: String::new(),
        time_zone: String::new(),
        opening_hours: Vec::new(),
        valid_from_us: now_us,
        valid_to_us: None,
        move_us: now_us,
        former_parents: Vec::new(),
        zone_us: 0,
        former_zones: Vec::new(),
        version: 1,
    }
}

/// Brings the built-in roles of all organisations to what this program says they are.
pub async fn align_roles(core: &Arc<Core>) -> Result<()> {
    for org in organisations::ids(core.db.read()).await? {
        let present = roles::list(core.db.read(), org).await?;
        let differs = |built_in: &BuiltIn| {
            let kept = present.iter().find(|role| role.id == built_in.id());
            kept.is_none_or(|role| role.permissions != built_in.permissions())
        };
        let changed: Vec<BuiltIn> = BUILT_IN.into_iter().filter(differs).collect();
        if changed.is_empty() {
            continue;
        }
        let mut work = Work::begin(core, org).await?;
        for built_in in changed {
            let kept = roles::find(work.conn(), org, built_in.id()).await?;
            let role = built_in.role(kept.as_ref().map_or(1, |kept| kept.version + 1));
            match kept {
                None => roles::insert(work.conn(), org, &role).await?,
                Some(_) => roles::update(work.conn(), org, &role).await?,
            }
            work.emit(Event::Role(role));
        }
        work.commit().await?;
    }
    Ok(())
}
