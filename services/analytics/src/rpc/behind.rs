//! Lists of what is behind a figure. Each holds exactly what the figure counts; where a list lacks
//! a filter of the figure, there is none, and it says which filter it is.

use std::fmt::Write as _;

use kit::auth::Caller;
use proto::{
    analytics::v1::DrillDown, common::v1::Permission, device::v1::Channel, names,
    survey::v1::ResponseChannel,
};
use uuid::Uuid;

use super::asking::Asked;
use crate::{figures::Filter, store::placements::Tree};

/// Most values of one filter that lists take.
const VALUES_MAX: usize = 50;

/// The lists behind a figure of ratings, or of answers to questionnaires.
pub fn lists(caller: &Caller, asked: &Asked, of_answers: bool) -> Vec<DrillDown> {
    let shown = |(title, permission, list): (&str, Permission, List)| DrillDown {
        title: title.to_owned(),
        path: if list.not_listed.is_empty() { list.path } else { String::new() },
        permission: permission.as_str_name().to_owned(),
        allowed: caller.may(permission, asked.question.unit),
        not_listed: list.not_listed.into_iter().map(str::to_owned).collect(),
    };
    let filter = &asked.question.filter;
    if of_answers {
        let responses = responses(asked, filter);
        return vec![shown(("responses", Permission::ResponseRead, responses))];
    }
    let ratings = |extra: &str| {
        let mut list = ratings(asked, filter);
        list.path += extra;
        list
    };
    let trusted = if filter.include_distrusted { "" } else { "&trustedOnly=true" };
    let mut bad = ratings(&format!("&badOnly=true{trusted}"));
    if !filter.item.is_empty() {
        // Lists know by the overall grade what is bad.
        bad.not_listed.push("item");
    }
    let read = Permission::RatingRead;
    let services = services(asked, filter);
    [
        ("ratings", read, ratings(trusted)),
        ("bad ratings", read, bad),
        ("ratings with trust marks", read, ratings("&markedOnly=true")),
        ("services", Permission::EncounterRead, services),
    ]
    .map(shown)
    .into()
}

fn ratings(asked: &Asked, filter: &Filter) -> List {
    let mut list = List::of("/v1/ratings", asked, ("from", "to"));
    list.windows_and_staff(filter);
    list.texts("businessTypes", &filter.business_types);
    let name = |number: &i16| Channel::try_from(i32::from(*number)).unwrap_or_default();
    list.names("channels", filter.channels.iter().map(|number| name(number).as_str_name()));
    list.ids("templates", "templates", "templates", &filter.templates);
    if !filter.item.is_empty() {
        list.texts("item", std::slice::from_ref(&filter.item));
    }
    list
}

/// Services that were given. Templates and items narrow only ratings.
fn services(asked: &Asked, filter: &Filter) -> List {
    let mut list = List::of("/v1/encounters", asked, ("from", "to"));
    list.path += "&servedOnly=true";
    list.windows_and_staff(filter);
    list.texts("businessTypes", &filter.business_types);
    if !filter.channels.is_empty() {
        // Services have no channel, so that the figure counts none of them.
        list.not_listed.push("channels");
    }
    list
}

fn responses(asked: &Asked, filter: &Filter) -> List {
    let mut list = List::of("/v1/responses", asked, ("fromTime", "toTime"));
    list.ids("staff", "staffMembers", "staff", &filter.staff);
    let name = |number: &i16| ResponseChannel::try_from(i32::from(*number)).unwrap_or_default();
    list.names("channels", filter.channels.iter().map(|number| name(number).as_str_name()));
    list.ids("questionnaires", "questionnaires", "questionnaires", &filter.questionnaires);
    let versions: Vec<String> = filter.versions.iter().map(i32::to_string).collect();
    list.names("versions", versions.iter().map(String::as_str));
    let classes = &filter.customer_classes;
    list.ids("customerClasses", "customerClasses", "customerClasses", classes);
    list.ids("campaigns", "campaigns", "campaigns", &filter.campaigns);
    if !filter.item.is_empty() {
        list.not_listed.push("item");
    }
    if !filter.include_distrusted {
        list.path += "&soundOnly=true";
    }
    list
}

/// A list under construction.
struct List {
    path: String,
    not_listed: Vec<&'static str>,
}

impl List {
    /// What belongs to the unit of the figure in its time, by its tree.
    fn of(path: &str, asked: &Asked, (from, to): (&str, &str)) -> Self {
        let moment = |us: i64| analytics_domain::time::timestamp(us).to_string();
        let period = &asked.answer.period;
        let tree = match asked.question.tree {
            Tree::AsOfService => "TREE_AS_OF_SERVICE",
            Tree::Present => "TREE_PRESENT",
        };
        let path = format!(
            "{path}?unit={}&{from}={}&{to}={}&tree={tree}",
            names::print("units", asked.question.unit),
            moment(period.from_us),
            moment(period.to_us),
        );
        // Each site counted its own days, and a list has one beginning and one end.
        let own_days = asked.answer.zone.is_empty();
        Self { path, not_listed: own_days.then_some("timeZone").into_iter().collect() }
    }

    fn windows_and_staff(&mut self, filter: &Filter) {
        self.ids("windows", "windows", "units", &filter.windows);
        // Whoever may read no others' ratings names the own person in this way.
        let parameter = if filter.staff.len() == 1 { "staff" } else { "staffMembers" };
        self.ids("staff", parameter, "staff", &filter.staff);
    }

    fn ids(&mut self, field: &'static str, parameter: &str, collection: &str, ids: &[Uuid]) {
        if ids.len() > VALUES_MAX {
            return self.not_listed.push(field);
        }
        for id in ids {
            self.put(parameter, &names::print(collection, *id));
        }
    }

    /// Words of others.
    fn texts(&mut self, field: &'static str, texts: &[String]) {
        if texts.len() > VALUES_MAX {
            return self.not_listed.push(field);
        }
        for text in texts {
            self.put(field, &encoded(text));
        }
    }

    /// Words of the contract, and numbers: few of them.
    fn names<'a>(&mut self, parameter: &str, names: impl Iterator<Item = &'a str>) {
        for name in names {
            self.put(parameter, name);
        }
    }

    fn put(&mut self, parameter: &str, value: &str) {
        self.path.push('&');
        self.path.push_str(parameter);
        self.path.push('=');
        self.path.push_str(value);
    }
}

/// A text as the value of a query.
fn encoded(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            found.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(found, "%{byte:02X}");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_cannot_add_parameters() {
        assert_eq!(encoded("a-b_c.~9"), "a-b_c.~9");
        assert_eq!(encoded("开&x=1 %"), "%E5%BC%80%26x%3D1%20%25");
    }
}
