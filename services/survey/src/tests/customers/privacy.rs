//! Export, erasure, and that nothing personal lies in the raw database.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use proto::{
    common::v1::{FieldRule, Permission, Reason},
    names,
    survey::v1,
    time,
};
use sea_orm::{ConnectionTrait, Statement};
use tonic::Code;

use super::import_files::{declared, import};
use crate::tests::world::{NOW_US, World, bearer, refusal, worlds};

/// Every personal value of the canary's customer.
const CANARY: [&str; 9] = [
    "Kanarienvogel",
    "13712345678",
    "kanari@example.org",
    "Singstrasse 7",
    "1987-06-05",
    "KANARI-EXT-1",
    "sings at dawn",
    "KANARI-PASS",
    "KANARI-ORDER",
];

async fn canary(world: &World) -> String {
    let attribute = v1::CustomerAttribute {
        code: "pass".to_owned(),
        value_type: v1::AttributeType::Text as i32,
        personal: true,
        ..Default::default()
    };
    let request =
        v1::CreateCustomerAttributeRequest { attribute: Some(attribute), ..Default::default() };
    world.schema().create_customer_attribute(world.as_admin(request)).await.unwrap();
    let person = v1::Customer {
        phone: CANARY[1].to_owned(),
        email: CANARY[2].to_owned(),
        address: CANARY[3].to_owned(),
        birthday: CANARY[4].to_owned(),
        external_id: CANARY[5].to_owned(),
        note: CANARY[6].to_owned(),
        personal_attributes: [("pass".to_owned(), CANARY[7].to_owned())].into(),
        ..world.person(CANARY[0])
    };
    let request = v1::CreateCustomerRequest {
        customer: Some(person),
        request_id: "canary".to_owned(),
        ..Default::default()
    };
    let made = world.customers().create_customer(world.as_admin(request)).await.unwrap();
    let name = made.into_inner().name;
    let consent = v1::SetConsentRequest {
        name: name.clone(),
        purpose: v1::ConsentPurpose::Care as i32,
        given: true,
        source: CANARY[6].to_owned(),
    };
    world.customers().set_consent(world.as_admin(consent)).await.unwrap();
    let interaction = v1::Interaction {
        item_id: "1".to_owned(),
        customer: name.clone(),
        kind: v1::InteractionKind::Order as i32,
        time: Some(time::from_us(NOW_US)),
        reference: CANARY[8].to_owned(),
        note: CANARY[6].to_owned(),
        ..Default::default()
    };
    let batch = v1::BatchRecordInteractionsRequest { interactions: vec![interaction] };
    world.records().batch_record_interactions(world.as_admin(batch)).await.unwrap();
    buy(world, "1").await;
    name
}

async fn buy(world: &World, item_id: &str) -> v1::RecordResult {
    let purchase = v1::Purchase {
        item_id: item_id.to_owned(),
        external_id: CANARY[5].to_owned(),
        time: Some(time::from_us(NOW_US)),
        amount_cents: 700,
        ..Default::default()
    };
    let batch = v1::BatchRecordPurchasesRequest { purchases: vec![purchase] };
    let answer = world.records().batch_record_purchases(world.as_admin(batch)).await;
    answer.unwrap().into_inner().results.remove(0)
}

fn csv() -> String {
    format!(
        "external_id,display_name,phone,email,note\n{},{},{},{},{}\n",
        CANARY[5], CANARY[0], CANARY[1], CANARY[2], CANARY[6]
    )
}

/// All bytes of the database as they lie on the disk, or as PostgreSQL prints them.
pub async fn raw(world: &World) -> Vec<u8> {
    let conn = world.app.db.read();
    let query = |sql: &str| Statement::from_string(conn.get_database_backend(), sql.to_owned());
    match world.name.as_str() {
        "sqlite file" => {
            let row = conn.query_one_raw(query("PRAGMA database_list")).await.unwrap().unwrap();
            let file: String = row.try_get("", "file").unwrap();
            let mut bytes = std::fs::read(&file).unwrap();
            bytes.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
            assert!(bytes.len() > 4_096);
            bytes
        }
        "postgres" => {
            let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
            let mut bytes = Vec::new();
            for table in conn.query_all_raw(query(tables)).await.unwrap() {
                let table: String = table.try_get("", "tablename").unwrap();
                let rows = format!("SELECT CAST(t AS text) AS line FROM {table} t");
                for row in conn.query_all_raw(query(&rows)).await.unwrap() {
                    bytes.extend(row.try_get::<String>("", "line").unwrap().into_bytes());
                }
            }
            bytes
        }
        _ => Vec::new(),
    }
}

pub fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn assert_clean(world: &World, bytes: &[u8]) {
    for text in CANARY {
        assert!(!holds(bytes, text.as_bytes()), "{}: {text}", world.name);
        let digits = crate::store::rows::hex(text.as_bytes());
        assert!(!holds(bytes, digits.as_bytes()), "{}: {text} in hexadecimal", world.name);
    }
}

#[tokio::test]
async fn no_personal_text_lies_in_the_raw_database_before_or_after_an_erasure() {
    for world in worlds().await {
        let name = canary(&world).await;
        import(&world, declared(&world, csv().as_bytes()), csv().as_bytes()).await;
        assert_eq!(world.look(&name).await.display_name, CANARY[0]);
        let before = raw(&world).await;
        assert_clean(&world, &before);
        let id = names::parse("customers", &name).unwrap();
        let stored = crate::store::customer::find(world.app.db.read(), world.org.org, id).await;
        let key = stored.unwrap().unwrap().sealed.key;
        if world.name == "sqlite file" {
            assert!(holds(&before, &key), "the wrapped key is there as long as the person");
        }
        let erase = v1::EraseSubjectRequest { name: name.clone(), ..Default::default() };
        world.subjects().erase_subject(world.as_admin(erase)).await.unwrap();
        let after = raw(&world).await;
        assert_clean(&world, &after);
        assert!(!holds(&after, &key), "{}: the key is destroyed", world.name);
    }
}

#[tokio::test]
async fn an_erasure_leaves_totals_a_certificate_and_no_way_back() {
    for world in worlds().await {
        let name = canary(&world).await;
        let query = v1::QueryLoyaltyRequest {
            from: "2026-10-01".to_owned(),
            to: "2026-12-01".to_owned(),
            ..Default::default()
        };
        let before = world.loyalty().query_loyalty(world.as_admin(query.clone())).await.unwrap();
        let erase = v1::EraseSubjectRequest {
            name: name.clone(),
            reason: "request of the person".to_owned(),
        };
        let first = world.subjects().erase_subject(world.as_admin(erase.clone())).await.unwrap();
        let first = first.into_inner();
        let again = world.subjects().erase_subject(world.as_admin(erase)).await.unwrap();
        assert_eq!(again.into_inner(), first, "{}", world.name);
        let what: Vec<(&str, i64)> =
            first.items.iter().map(|item| (item.what.as_str(), item.count)).collect();
        for item in [
            ("customers.key", 1),
            ("customers.phone", 1),
            ("customers.personal_attributes", 1),
            ("interactions.reference_and_note", 1),
            ("consents.source", 1),
        ] {
            assert!(what.contains(&item), "{item:?} is not in {what:?}");
        }
        assert_eq!(first.kept_records, 3);
        let get = v1::GetErasureRequest { name: first.name.clone() };
        let seen = world.subjects().get_erasure(world.as_admin(get)).await.unwrap();
        assert_eq!(seen.into_inner(), first);
        let list = v1::ListErasuresRequest::default();
        let listed = world.subjects().list_erasures(world.as_admin(list)).await.unwrap();
        assert_eq!(listed.into_inner().erasures, [first]);
        let gone = v1::GetCustomerRequest { name: name.clone() };
        let gone = world.customers().get_customer(world.as_admin(gone)).await;
        assert_eq!(refusal(gone), (Code::NotFound, Reason::NotFound));
        let after = world.loyalty().query_loyalty(world.as_admin(query)).await.unwrap();
        assert_eq!(after.into_inner(), before.into_inner(), "totals are as they were");
        // A late delivery, a late file and a late entry do not bring the person back.
        assert_eq!(buy(&world, "2").await.code, Code::FailedPrecondition as i32);
        let late = import(&world, declared(&world, csv().as_bytes()), csv().as_bytes()).await;
        assert_eq!((late.created_count, late.error_count), (0, 1));
        let mut back = world.person("Other name");
        back.phone = format!("+86 {}", CANARY[1]);
        let request = |returning| v1::CreateCustomerRequest {
            customer: Some(back.clone()),
            returning,
            ..Default::default()
        };
        let refused = world.customers().create_customer(world.as_admin(request(false))).await;
        assert_eq!(refusal(refused).0, Code::FailedPrecondition);
        let own_will = world.customers().create_customer(world.as_admin(request(true))).await;
        assert_ne!(own_will.unwrap().into_inner().name, name);
    }
}

#[tokio::test]
async fn a_legal_hold_forbids_the_erasure() {
    for world in worlds().await {
        let name = world.add(world.person("A")).await.name;
        let hold = |hold, reason: &str| v1::SetLegalHoldRequest {
            name: name.clone(),
            hold,
            reason: reason.to_owned(),
        };
        let unreasoned = world.subjects().set_legal_hold(world.as_admin(hold(true, ""))).await;
        assert_eq!(refusal(unreasoned).0, Code::InvalidArgument);
        let held = world.subjects().set_legal_hold(world.as_admin(hold(true, "court"))).await;
        assert!(held.unwrap().into_inner().legal_hold);
        let erase = v1::EraseSubjectRequest { name: name.clone(), ..Default::default() };
        let refused = world.subjects().erase_subject(world.as_admin(erase.clone())).await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, Reason::WrongState));
        assert_eq!(world.look(&name).await.display_name, "A", "{}", world.name);
        world.subjects().set_legal_hold(world.as_admin(hold(false, ""))).await.unwrap();
        world.subjects().erase_subject(world.as_admin(erase)).await.unwrap();
    }
}

/// Fields of a message and what it holds that are marked personal and set, as dotted paths.
fn personal(message: &DynamicMessage, path: &str, found: &mut Vec<(String, String)>) {
    for (field, value) in message.fields() {
        let here = format!("{path}.{}", field.name());
        let rule = field
            .options()
            .extensions()
            .find(|(extension, _)| extension.full_name() == "manyi.common.v1.field")
            .and_then(|(_, value)| value.as_message().cloned())
            .and_then(|rule| rule.transcode_to::<FieldRule>().ok());
        let pii = rule.is_some_and(|rule| rule.pii);
        let items: Vec<Value> = match value {
            Value::List(items) => items.clone(),
            Value::Map(map) => map.values().cloned().collect(),
            one => vec![one.clone()],
        };
        for item in items {
            match item {
                Value::Message(inner) => personal(&inner, &here, found),
                Value::String(text) if pii => found.push((here.clone(), text)),
                _ => {}
            }
        }
    }
}

fn marked(descriptor: &MessageDescriptor) -> Vec<String> {
    let is_pii = |field: &prost_reflect::FieldDescriptor| {
        let options = field.options();
        let rule = options
            .extensions()
            .find(|(extension, _)| extension.full_name() == "manyi.common.v1.field")
            .and_then(|(_, value)| value.as_message().cloned());
        rule.and_then(|rule| rule.transcode_to::<FieldRule>().ok()).is_some_and(|rule| rule.pii)
    };
    descriptor.fields().filter(is_pii).map(|field| field.name().to_owned()).collect()
}

#[tokio::test]
async fn an_export_holds_every_field_that_is_marked_personal() {
    for world in worlds().await {
        let name = canary(&world).await;
        let request = v1::ExportSubjectRequest { name: name.clone() };
        let export = world.subjects().export_subject(world.as_admin(request.clone())).await;
        let export = export.unwrap().into_inner();
        let data = export.data.unwrap();
        let descriptor =
            proto::methods::pool().get_message_by_name("manyi.survey.v1.SubjectData").unwrap();
        let message = DynamicMessage::decode(descriptor, data.encode_to_vec().as_slice()).unwrap();
        let mut found = Vec::new();
        personal(&message, "", &mut found);
        let pool = proto::methods::pool();
        for (kind, path) in [("Customer", ".customer"), ("Consent", ".consents")] {
            let kind = pool.get_message_by_name(&format!("manyi.survey.v1.{kind}")).unwrap();
            for field in marked(&kind) {
                let here = format!("{path}.{field}");
                assert!(found.iter().any(|(path, _)| *path == here), "{}: {here}", world.name);
            }
        }
        for (path, text) in &found {
            assert!(export.csv.contains(text.as_str()), "{path} is not in the CSV");
        }
        for text in CANARY {
            assert!(found.iter().any(|(_, value)| value == text), "{}: {text}", world.name);
        }
        assert_eq!((data.purchases.len(), data.interactions.len()), (1, 1));
        assert!(world.audited().await > 0);
        let reader = world.org.user(world.org.root, &[Permission::CustomerReadPersonal]).await;
        let refused = world.subjects().export_subject(bearer(request, &reader)).await;
        assert_eq!(refusal(refused).0, Code::PermissionDenied);
    }
}

#[tokio::test]
async fn formulas_in_an_export_are_disarmed() {
    for world in worlds().await {
        let mut person = world.person("=cmd|'/c calc'!A1");
        person.note = "＝1+1".to_owned();
        let name = world.add(person).await.name;
        let request = v1::ExportSubjectRequest { name };
        let export = world.subjects().export_subject(world.as_admin(request)).await.unwrap();
        let csv = export.into_inner().csv;
        assert!(csv.contains("customer,displayName,\"'=cmd|'/c calc'!A1\""), "{csv}");
        assert!(csv.contains("\"'＝1+1\""), "{}", world.name);
    }
}

#[tokio::test]
async fn audit_records_hold_no_personal_value() {
    for world in worlds().await {
        let name = canary(&world).await;
        let erase = v1::EraseSubjectRequest { name, ..Default::default() };
        world.subjects().erase_subject(world.as_admin(erase)).await.unwrap();
        let conn = world.app.db.read();
        let all =
            Statement::from_string(conn.get_database_backend(), "SELECT body FROM audit_queue");
        for row in conn.query_all_raw(all).await.unwrap() {
            let body: Vec<u8> = row.try_get("", "body").unwrap();
            assert_clean(&world, &body);
        }
    }
}
