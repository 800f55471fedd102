//! Organisations and devices for tests, made through the public API.

use serde_json::{Value, json};
use tools::client::{
    Client, Credentials,
    credentials::{SignIn, random_password},
};
use uuid::Uuid;

use crate::{
    World,
    rest::{Rest, text},
};

/// An organisation of its own for a test, with its owner signed in.
#[derive(Clone)]
pub struct Org {
    /// `organisations/o_…`.
    pub name: String,
    /// `units/u_…`.
    pub headquarters: String,
    /// The owner's sign-in.
    pub sign_in: SignIn,
    /// The owner over REST.
    pub rest: Rest,
    /// The owner over gRPC.
    pub client: Client,
}

/// An enrolled device.
#[derive(Clone)]
pub struct TestDevice {
    /// `devices/d_…`.
    pub name: String,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub client_secret: String,
    /// The device over REST.
    pub rest: Rest,
    /// The device over gRPC.
    pub client: Client,
}

impl World {
    /// A new organisation that no other test knows of.
    pub async fn organisation(&self) -> Org {
        let slug = format!("t-{}", &Uuid::now_v7().simple().to_string()[12..]);
        let password = random_password();
        let operator = self.rest.with_token(&self.operator_token());
        let created = operator
            .post(
                "/v1/organisations",
                json!({
                    "organisation": {
                        "slug": slug, "displayName": "测试机构", "timeZone": "Asia/Shanghai",
                    },
                    "ownerLogin": "owner",
                    "ownerPassword": password,
                }),
            )
            .await;
        let sign_in = SignIn { organisation: slug, login: "owner".to_owned(), password };
        let client = self.client(Credentials::Password(sign_in.clone()));
        let rest = self.rest.sign_in(&sign_in.organisation, "owner", &sign_in.password).await;
        Org {
            name: text(&created["organisation"]["name"]).to_owned(),
            headquarters: text(&created["headquarters"]["name"]).to_owned(),
            sign_in,
            rest,
            client,
        }
    }

    /// Registers and enrols a device at a window (or another unit) of an organisation.
    pub async fn device(&self, org: &Org, unit: &str) -> TestDevice {
        let name = format!("终端 {}", Uuid::now_v7().simple());
        let device =
            json!({"displayName": name, "kind": "DEVICE_KIND_BUTTON_TERMINAL", "unit": unit});
        let created = org.rest.post("/v1/devices", device).await;
        let code = text(&created["pairingCode"]["code"]);
        let enrolled = self.rest.post("/v1/devices:enroll", json!({"pairingCode": code})).await;
        let client_id = text(&enrolled["clientId"]).to_owned();
        let client_secret = text(&enrolled["clientSecret"]).to_owned();
        let credentials =
            Credentials::Client { id: client_id.clone(), secret: client_secret.clone() };
        let name = text(&created["device"]["name"]).to_owned();
        let rest = self.rest.sign_in_client(&client_id, &client_secret).await;
        crate::patiently("the device's credential to be known", || async {
            let (status, _) = rest.call(reqwest::Method::GET, &format!("/v1/{name}"), None).await;
            status.is_success().then_some(())
        })
        .await;
        TestDevice { name, rest, client: self.client(credentials), client_id, client_secret }
    }
}

impl Org {
    /// Creates a unit and gives its name. `kind` is like `BRANCH`.
    pub async fn unit(&self, parent: &str, kind: &str, display_name: &str) -> String {
        let kind = format!("UNIT_KIND_{kind}");
        let unit = json!({"parent": parent, "kind": kind, "displayName": display_name});
        let unit = self.rest.post("/v1/units", unit).await;
        text(&unit["name"]).to_owned()
    }

    /// Creates a staff member and gives the name.
    pub async fn staff(&self, number: &str, unit: &str) -> String {
        let staff = json!({
            "staffNumber": number, "displayName": format!("员工 {number}"), "unit": unit,
        });
        let staff = self.rest.post("/v1/staff", staff).await;
        text(&staff["name"]).to_owned()
    }

    /// Creates a template of five grades, the organisation's default, and gives its name.
    pub async fn five_grades(&self) -> String {
        let grade = |value: i32, zh: &str| {
            json!({
                "value": value,
                "label": {"texts": {"zh-CN": zh}},
                "satisfied": value >= 4,
                "bad": value <= 2,
                "reasons": if value <= 2 {
                    json!([{"code": "queue", "label": {"texts": {"zh-CN": "等候时间长"}}}])
                } else {
                    json!([])
                },
            })
        };
        let template = json!({
            "displayName": "五级评价",
            "items": [{"code": "overall", "text": {"texts": {"zh-CN": "请评价"}}}],
            "grades": [
                grade(1, "非常不满意"), grade(2, "不满意"), grade(3, "一般"),
                grade(4, "满意"), grade(5, "非常满意"),
            ],
            "scaleMin": 1,
            "scaleMax": 5,
            "commentAllowed": true,
            "defaultTemplate": true,
        });
        let template = self.rest.post("/v1/templates", template).await;
        text(&template["name"]).to_owned()
    }

    /// Figures of a unit for today in the organisation's time zone; `extra` adds fields to
    /// the request.
    pub async fn figures(&self, unit: &str, extra: Value) -> Value {
        self.rest.post("/v1/figures:query", Self::question(unit, extra)).await
    }

    /// The same while processes come and go: nothing when the call fails.
    pub async fn figures_if_any(&self, unit: &str, extra: Value) -> Option<Value> {
        let question = Self::question(unit, extra);
        let post = reqwest::Method::POST;
        let (status, figures) = self.rest.call(post, "/v1/figures:query", Some(&question)).await;
        status.is_success().then_some(figures)
    }

    fn question(unit: &str, extra: Value) -> Value {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a known zone");
        let today = jiff::Timestamp::now().to_zoned(zone).date();
        // A test that begins before midnight may look after it.
        let yesterday = today.yesterday().expect("dates are in range");
        let mut query =
            json!({"unit": unit, "from": yesterday.to_string(), "to": today.to_string()});
        if let (Some(query), Value::Object(extra)) = (query.as_object_mut(), extra) {
            query.extend(extra);
        }
        query
    }
}
