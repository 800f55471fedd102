//! Resource names: a collection, a slash, a short prefix and a UUID, such as
//! `units/u_0197c2a4…`. The prefix makes an id recognisable wherever it is pasted.

use uuid::Uuid;

/// Collections and their id prefixes.
const PREFIXES: &[(&str, &str)] = &[
    ("organisations", "o"),
    ("units", "u"),
    ("staff", "s"),
    ("users", "us"),
    ("roles", "r"),
    ("grants", "g"),
    ("clients", "c"),
    ("sessions", "se"),
    ("auditRecords", "a"),
    ("devices", "d"),
    ("templates", "t"),
    ("shifts", "sh"),
    ("encounters", "e"),
    ("prompts", "p"),
    ("ratings", "rt"),
    ("quarantinedRatings", "q"),
    ("questionnaires", "qn"),
    ("customers", "cu"),
    ("customerClasses", "cc"),
    ("customerAttributes", "cat"),
    ("segments", "sg"),
    ("purchases", "pu"),
    ("interactions", "in"),
    ("competitors", "co"),
    ("referrals", "rf"),
    ("reminders", "rm"),
    ("imports", "im"),
    ("customerImports", "ci"),
    ("triggers", "tr"),
    ("erasures", "er"),
    ("plans", "pl"),
    ("campaigns", "ca"),
    ("invitations", "iv"),
    ("links", "lk"),
    ("responses", "rs"),
    ("indices", "ix"),
    ("indexRuns", "ir"),
    ("publications", "pb"),
    ("targets", "tg"),
    ("scoreCards", "sc"),
    ("alertRules", "ar"),
    ("alerts", "al"),
];

/// Prints the name of a resource. An unknown collection is printed without prefix, which
/// never parses again.
pub fn print(collection: &str, id: Uuid) -> String {
    let prefix = prefix_of(collection).unwrap_or_default();
    format!("{collection}/{prefix}_{}", id.simple())
}

/// Prints a name, or nothing for an absent id.
pub fn print_opt(collection: &str, id: Option<Uuid>) -> String {
    id.map(|id| print(collection, id)).unwrap_or_default()
}

/// Parses a name of `collection`. Only the printed form is accepted, so that one resource
/// has one name. `None` for anything else.
pub fn parse(collection: &str, name: &str) -> Option<Uuid> {
    let rest = name.strip_prefix(collection)?.strip_prefix('/')?;
    parse_id(collection, rest)
}

/// Parses the part after the slash, such as `u_0197c2a4…`.
pub fn parse_id(collection: &str, id: &str) -> Option<Uuid> {
    let hex = id.strip_prefix(prefix_of(collection)?)?.strip_prefix('_')?;
    if hex.len() != 32 || hex.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    Uuid::try_parse(hex).ok()
}

/// Whether `name` has the form of a name of `collection`. Built-in roles are names too.
pub fn is_name_of(collection: &str, name: &str) -> bool {
    if parse(collection, name).is_some() {
        return true;
    }
    let built_in = |word: &str| {
        (1..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    };
    collection == "roles" && name.strip_prefix("roles/").is_some_and(built_in)
}

fn prefix_of(collection: &str) -> Option<&'static str> {
    PREFIXES.iter().find(|(c, _)| *c == collection).map(|(_, p)| *p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_name_parses_to_the_same_id() {
        let id = Uuid::now_v7();
        for (collection, _) in PREFIXES {
            assert_eq!(parse(collection, &print(collection, id)), Some(id));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let id = Uuid::now_v7();
        let good = print("units", id);
        for bad in [
            good.to_uppercase(),
            good.replace("units/", "staff/"),
            good.replace("u_", "s_"),
            format!("{good}0"),
            format!("units/u_{id}"),
            "units/".to_owned(),
            String::new(),
        ] {
            assert_eq!(parse("units", &bad), None, "{bad}");
        }
    }

    #[test]
    fn built_in_roles_are_names_of_roles_only() {
        assert!(is_name_of("roles", "roles/branch-manager"));
        assert!(!is_name_of("roles", "roles/Branch Manager"));
        assert!(!is_name_of("users", "users/owner"));
    }
}
