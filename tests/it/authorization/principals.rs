//! One caller of each kind.

use std::collections::BTreeMap;

use e2e::{Org, Rest, rest::text};
use proto::common::v1::Permission;
use serde_json::json;

use super::place::{PASSWORD, fresh, post};

/// How far a caller's subtree reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The own branch, or less.
    Branch,
    /// The own region.
    Region,
    /// The organisation.
    Organisation,
    /// No organisation's own caller.
    Outside,
}

/// A caller.
pub struct Principal {
    /// Its column in the matrix.
    pub column: String,
    /// How far its subtree reaches.
    pub reach: Reach,
    /// Login name of a person.
    pub login: Option<String>,
    /// Access token; the installation's own ones are made when they are needed.
    pub token: Option<String>,
}

/// Where callers have their say.
pub struct Units {
    /// Of those of a branch.
    pub branch: String,
    /// Of those of a region.
    pub region: String,
}

/// An access token of a person of this scene.
pub async fn token(org: &Org, login: &str) -> String {
    let rest: Rest = org.rest.sign_in(&org.sign_in.organisation, login, PASSWORD).await;
    rest.token().unwrap_or_default().to_owned()
}

/// The caller of a column. `device` is the token of the one device; what a partner signs in with
/// goes into `common`.
pub async fn principal(
    org: &Org,
    column: &str,
    units: &Units,
    device: Option<&str>,
    common: &mut BTreeMap<String, String>,
) -> Principal {
    let (branch, region) = (units.branch.as_str(), units.region.as_str());
    let (role, unit, reach) = match column {
        "staff" => ("staff", branch, Reach::Branch),
        "branch_manager" => ("branch-manager", branch, Reach::Branch),
        "regional_manager" => ("regional-manager", region, Reach::Region),
        "analyst" => ("analyst", region, Reach::Region),
        "auditor" => ("auditor", &*org.headquarters, Reach::Organisation),
        "administrator" => ("administrator", &*org.headquarters, Reach::Organisation),
        "owner" => ("owner", &*org.headquarters, Reach::Organisation),
        "device" => {
            let (column, token) = (column.to_owned(), device.map(str::to_owned));
            return Principal { column, reach: Reach::Branch, login: None, token };
        }
        "partner" => return partner(org, region, common).await,
        "anonymous" | "operator" | "internal" => {
            let (column, reach) = (column.to_owned(), Reach::Outside);
            return Principal { column, reach, login: None, token: None };
        }
        other => panic!("nobody stands for {other}"),
    };
    let login = fresh();
    let user = json!({
        "user": {"login": login, "displayName": column, "unit": unit}, "password": PASSWORD,
    });
    let user = post(org, "/v1/users", user).await;
    let role = format!("roles/{role}");
    let grant = json!({"subject": user["name"], "role": role, "unit": unit});
    post(org, "/v1/grants", grant).await;
    if column == "staff" {
        // Reads its own records, which the requests do not name: the objects are a colleague's.
        let member = json!({
            "staffNumber": fresh(), "displayName": column, "unit": unit, "user": user["name"],
        });
        post(org, "/v1/staff", member).await;
    }
    let token = Some(token(org, &login).await);
    Principal { column: column.to_owned(), reach, login: Some(login), token }
}

/// A partner system with everything that a partner system may hold.
async fn partner(org: &Org, region: &str, common: &mut BTreeMap<String, String>) -> Principal {
    let own = ["PERMISSION_SYSTEM_OPERATE", "PERMISSION_FEED_READ"];
    let scopes: Vec<&str> = (1..)
        .map_while(|number| Permission::try_from(number).ok())
        .map(|permission| permission.as_str_name())
        .filter(|name| !own.contains(name))
        .collect();
    assert!(scopes.len() > 20, "{scopes:?}");
    let client = json!({
        "displayName": fresh(), "kind": "KIND_PARTNER", "unit": region, "scopes": scopes,
    });
    let client = post(org, "/v1/clients", client).await;
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    common.insert("partner_id".to_owned(), id.to_owned());
    common.insert("partner_secret".to_owned(), secret.to_owned());
    let token = org.rest.sign_in_client(id, secret).await.token().map(str::to_owned);
    Principal { column: "partner".to_owned(), reach: Reach::Region, login: None, token }
}
