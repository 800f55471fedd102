//! What changed, in the words of the contract: events of the feed and resources of answers.

use auth_domain::{
    client::Client, event::Event, grant::Grant, organisation::Organisation, role::BuiltIn,
    role::Role, session::Session, staff::Staff, unit::Unit, user::User,
};
use proto::{auth::v1 as pb, auth::v1::event::Change, names, time};
use uuid::Uuid;

/// Version of what never changes once it is there.
const ONLY_VERSION: i64 = 1;

/// An event of an organisation's feed.
pub fn event(org: Uuid, event: &Event) -> pb::Event {
    let (version, change) = match event {
        Event::Organisation(o) => (o.version, Change::OrganisationChanged(organisation(o))),
        Event::Unit(u) => (u.version, Change::UnitChanged(unit(u, &[]))),
        Event::Staff(s) => (s.version, Change::StaffChanged(staff(s))),
        Event::User(u) => (u.version, Change::UserChanged(user(u))),
        Event::Role(r) => (r.version, Change::RoleChanged(role(r))),
        Event::RoleRemoved(r) => (r.version + 1, Change::RoleRemoved(role_name(r.id))),
        Event::Grant(g) => (ONLY_VERSION, Change::GrantAdded(grant(g))),
        Event::GrantRemoved(id) => {
            (ONLY_VERSION + 1, Change::GrantRemoved(names::print("grants", *id)))
        }
        Event::Client(c) => (c.version, Change::ClientChanged(client(c))),
        // Its time is its version, so that others know how long they have to remember it.
        Event::SessionRevoked(id, us) => {
            (*us, Change::SessionRevoked(names::print("sessions", *id)))
        }
    };
    pb::Event { organisation: names::print("organisations", org), version, change: Some(change) }
}

/// Version of a resource as callers see it.
pub fn etag(version: i64) -> String {
    version.to_string()
}

/// Name of a role; built-in ones have words.
pub fn role_name(id: Uuid) -> String {
    BuiltIn::from_id(id)
        .map_or_else(|| names::print("roles", id), |role| format!("roles/{}", role.word()))
}

/// Organisation.
pub fn organisation(o: &Organisation) -> pb::Organisation {
    pb::Organisation {
        name: names::print("organisations", o.id),
        slug: o.slug.clone(),
        display_name: o.display_name.clone(),
        time_zone: o.time_zone.clone(),
        etag: etag(o.version),
        create_time: Some(time::from_us(o.create_us)),
        suspend_time: time::from_us_opt(o.suspend_us),
        time_zone_time: (o.zone_us != 0).then(|| time::from_us(o.zone_us)),
        former_time_zones: o.former_zones.iter().map(former_zone).collect(),
    }
}

/// Unit; `path` leads from the headquarters down to it. Events leave it out, since it changes
/// with every unit above.
pub fn unit(u: &Unit, path: &[Uuid]) -> pb::Unit {
    let hours = u.opening_hours.iter();
    pb::Unit {
        name: names::print("units", u.id),
        parent: names::print_opt("units", u.parent),
        kind: u.kind.number().into(),
        display_name: u.display_name.clone(),
        code: u.code.clone(),
        time_zone: u.time_zone.clone(),
        opening_hours: hours
            .map(|h| pb::OpeningHours {
                weekday: h.weekday.into(),
                open_minute: h.open_minute.into(),
                close_minute: h.close_minute.into(),
            })
            .collect(),
        valid_from: Some(time::from_us(u.valid_from_us)),
        valid_to: time::from_us_opt(u.valid_to_us),
        path: path.iter().map(|id| names::print("units", *id)).collect(),
        etag: etag(u.version),
        move_time: Some(time::from_us(u.move_us)),
        former_parents: u.former_parents.iter().map(former_parent).collect(),
        time_zone_time: (u.zone_us != 0).then(|| time::from_us(u.zone_us)),
        former_time_zones: u.former_zones.iter().map(former_zone).collect(),
    }
}

fn former_zone((zone, from_us): &(String, i64)) -> pb::FormerTimeZone {
    let from_time = Some(time::from_us(*from_us));
    pb::FormerTimeZone { time_zone: zone.clone(), from_time }
}

fn former_parent((parent, from_us): &(Uuid, i64)) -> pb::FormerParent {
    let from_time = Some(time::from_us(*from_us));
    pb::FormerParent { parent: names::print("units", *parent), from_time }
}

/// Staff member.
pub fn staff(s: &Staff) -> pb::Staff {
    pb::Staff {
        name: names::print("staff", s.id),
        staff_number: s.number.clone(),
        display_name: s.display_name.clone(),
        unit: names::print("units", s.unit),
        user: names::print_opt("users", s.user),
        retire_time: time::from_us_opt(s.retire_us),
        etag: etag(s.version),
        create_time: Some(time::from_us(s.create_us)),
    }
}

/// User.
pub fn user(u: &User) -> pb::User {
    pb::User {
        name: names::print("users", u.id),
        login: u.login.clone(),
        display_name: u.display_name.clone(),
        unit: names::print("units", u.unit),
        language: u.language.clone(),
        disabled: u.disabled,
        etag: etag(u.version),
        create_time: Some(time::from_us(u.create_us)),
    }
}

/// Role.
pub fn role(r: &Role) -> pb::Role {
    pb::Role {
        name: role_name(r.id),
        display_name: r.display_name.clone(),
        permissions: r.permissions.numbers(),
        built_in: r.built_in,
        etag: etag(r.version),
    }
}

/// Grant.
pub fn grant(g: &Grant) -> pb::Grant {
    pb::Grant {
        name: names::print("grants", g.id),
        subject: names::print("users", g.user),
        role: role_name(g.role),
        unit: names::print("units", g.unit),
        create_time: Some(time::from_us(g.create_us)),
    }
}

/// Client.
pub fn client(c: &Client) -> pb::Client {
    pb::Client {
        name: names::print("clients", c.id),
        display_name: c.display_name.clone(),
        kind: c.kind.number().into(),
        unit: names::print("units", c.unit),
        scopes: c.scopes.numbers(),
        device: names::print_opt("devices", c.device),
        revoke_time: time::from_us_opt(c.revoke_us),
        create_time: Some(time::from_us(c.create_us)),
        etag: etag(c.version),
    }
}

/// Session.
pub fn session(s: &Session) -> pb::Session {
    pb::Session {
        name: names::print("sessions", s.id),
        user: names::print("users", s.user),
        create_time: Some(time::from_us(s.create_us)),
        refresh_time: Some(time::from_us(s.refresh_us)),
        expire_time: Some(time::from_us(s.expire_us)),
        revoke_time: time::from_us_opt(s.revoke_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth_domain::permission::Permission as P;
    use proto::common::v1::Permission;

    #[test]
    fn permissions_have_the_numbers_and_words_of_the_contract() {
        for number in 1..100 {
            let ours = P::from_number(number);
            let theirs = Permission::try_from(number).ok();
            assert_eq!(ours.is_some(), theirs.is_some(), "{number}");
            let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
            let word = theirs.as_str_name().trim_start_matches("PERMISSION_");
            let word = word.to_lowercase().replacen('_', ".", 1);
            assert_eq!(ours.word(), word);
        }
    }

    #[test]
    fn built_in_roles_have_the_ids_that_every_service_knows() {
        let org = Uuid::from_u128(5);
        for built_in in auth_domain::role::BUILT_IN {
            let mut view = kit::directory::OrgView::empty(org);
            view.apply(&event(org, &Event::Role(built_in.role(1))));
            let known = view.role(built_in.id()).unwrap();
            let numbers: Vec<i32> = known.iter().map(|p| p as i32).collect();
            assert_eq!(numbers, built_in.permissions().numbers(), "{}", built_in.word());
        }
    }
}
