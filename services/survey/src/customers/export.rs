//! Everything that is held on one person. The CSV is made from the message itself, so that no
//! field can be forgotten.

use kit::{
    auth::Caller,
    db::WriteTx,
    error::{Result, ServiceError},
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MapKey, ReflectMessage as _, Value};
use proto::{methods, names, survey::v1, time};
use serde_json::json;
use survey_domain::{
    csv_export::{Cell, push_line},
    customer::{Customer, State},
};

use super::{
    access::customer_of,
    change::record,
    convert::with_personal,
    find::{consents_of, merge_to},
    record_convert::{interactions_to, purchase_to},
    referrals::referral_to,
};
use crate::{state::App, store, words};

/// Records of a kind that one export holds.
const RECORDS_MAX: u64 = 100_000;

/// Exports a person; the audit record says who did it.
pub async fn export(app: &App, caller: &Caller, name: &str) -> Result<v1::ExportSubjectResponse> {
    let customer = customer_of(app, caller, "name", name).await?;
    let mut data = data(app, &customer).await?;
    let persons = family(app, &customer).await?;
    let tx = app.db.begin().await?;
    for person in &persons {
        data.records.extend(records(app, &tx, person).await?);
    }
    let csv = csv(&data)?;
    record(app, &tx, caller, &customer, json!({ "export": true })).await?;
    tx.commit().await?;
    Ok(v1::ExportSubjectResponse { data: Some(data), csv })
}

async fn data(app: &App, customer: &Customer) -> Result<v1::SubjectData> {
    let (conn, org) = (app.db.read(), customer.org);
    let mut data = v1::SubjectData {
        customer: Some(open(app, customer)?),
        merges: {
            let merges = store::customer_record::merges(conn, org, customer.id, RECORDS_MAX);
            merges.await?.iter().map(merge_to).collect()
        },
        ..Default::default()
    };
    for person in family(app, customer).await? {
        if person.state == State::Merged {
            data.merged_customers.push(open(app, &person)?);
        }
        data.consents.extend(consents_of(app, &person, true).await?);
        let id = person.id;
        let bought = store::customer_record::purchases(conn, org, id, None, RECORDS_MAX).await?;
        data.purchases.extend(bought.iter().map(purchase_to));
        let met = store::customer_record::interactions(conn, org, id, None, RECORDS_MAX).await?;
        data.interactions.extend(interactions_to(app, &person, true, &met)?);
        let referrals = store::care::referrals_of(conn, org, id).await?;
        data.referrals.extend(referrals.iter().map(referral_to));
        for (of, kind, day, us) in store::care::completed(conn, org, &[id]).await? {
            data.reminders.push(v1::Reminder {
                customer: names::print("customers", of),
                kind: kind.into(),
                date: day,
                done_time: Some(time::from_us(us)),
                ..Default::default()
            });
        }
    }
    Ok(data)
}

/// What other parts of the service hold of the person.
async fn records(app: &App, tx: &WriteTx, person: &Customer) -> Result<Vec<v1::SubjectRecord>> {
    let text = |key: &str, value: String| (key.to_owned(), value);
    let mut found = Vec::new();
    let mut responses = store::response::of_customer(tx, person.org, person.id).await?;
    words::open(app, tx.conn(), &mut responses).await?;
    for response in responses {
        let answers = serde_json::to_string(&response.answers).map_err(ServiceError::internal)?;
        let fields = [
            text("campaign", names::print("campaigns", response.campaign)),
            text("questionnaire", names::print("questionnaires", response.questionnaire)),
            text("version", response.version.to_string()),
            text("submitTime", moment(response.submit_us)),
            text("language", response.language),
            text("answers", answers),
        ];
        let name = names::print("responses", response.id);
        let fields = fields.into();
        found.push(v1::SubjectRecord { kind: "response".to_owned(), name, fields });
    }
    let mut drafts = store::response_draft::of_customer(tx.conn(), person.org, person.id).await?;
    words::open_drafts(app, tx.conn(), &mut drafts).await?;
    for draft in drafts {
        let answers = serde_json::to_string(&draft.answers).map_err(ServiceError::internal)?;
        let fields = [
            text("campaign", names::print("campaigns", draft.campaign)),
            text("saveTime", moment(draft.save_us)),
            text("answers", answers),
        ];
        let fields = fields.into();
        let kind = "unfinished_response".to_owned();
        found.push(v1::SubjectRecord { kind, name: String::new(), fields });
    }
    let invitations = store::customer_record::invitations(tx.conn(), person.org, person.id);
    for (id, campaign, note) in invitations.await? {
        let fields = [text("campaign", names::print("campaigns", campaign)), text("note", note)];
        let name = names::print("invitations", id);
        let fields = fields.into();
        found.push(v1::SubjectRecord { kind: "invitation".to_owned(), name, fields });
    }
    let noted = store::fieldwork::history::notes_of(tx.conn(), person.org, person.id);
    for (invitation, at_us, note) in noted.await? {
        let fields = [text("eventTime", moment(at_us)), text("note", note)];
        let name = names::print("invitations", invitation);
        let (kind, fields) = ("invitation_event".to_owned(), fields.into());
        found.push(v1::SubjectRecord { kind, name, fields });
    }
    Ok(found)
}

fn moment(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map(|us| us.to_string()).unwrap_or_default()
}

fn open(app: &App, customer: &Customer) -> Result<v1::Customer> {
    Ok(with_personal(customer, app.vault.open(customer.id, &customer.sealed)?))
}

/// A customer and all that were merged into it, directly or by others.
pub async fn family(app: &App, customer: &Customer) -> Result<Vec<Customer>> {
    let mut found = vec![customer.clone()];
    let mut at = 0;
    while let Some(next) = found.get(at).map(|person| person.id) {
        found.extend(store::customer::merged_into(app.db.read(), customer.org, next).await?);
        at += 1;
    }
    Ok(found)
}

/// The data as lines of record, field and value.
fn csv(data: &v1::SubjectData) -> Result<String> {
    let descriptor = methods::pool()
        .get_message_by_name("manyi.survey.v1.SubjectData")
        .ok_or_else(|| ServiceError::internal("SubjectData is not described"))?;
    let message = DynamicMessage::decode(descriptor, data.encode_to_vec().as_slice())
        .map_err(ServiceError::internal)?;
    let mut out = String::new();
    push_line(&mut out, ["record", "field", "value"].map(Cell::Plain));
    for (field, value) in message.fields() {
        match value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let record = format!("{}[{index}]", field.json_name());
                    lines(&mut out, &record, "", item);
                }
            }
            one => lines(&mut out, field.json_name(), "", one),
        }
    }
    Ok(out)
}

fn lines(out: &mut String, record: &str, field: &str, value: &Value) {
    let inner = |name: &str| match field {
        "" => name.to_owned(),
        field => format!("{field}.{name}"),
    };
    match value {
        Value::Message(message) if message.descriptor().full_name() == TIMESTAMP => {
            line(out, record, field, &timestamp(message));
        }
        Value::Message(message) => {
            for (descriptor, value) in message.fields() {
                let name = inner(descriptor.json_name());
                match (descriptor.kind(), value) {
                    (prost_reflect::Kind::Enum(names), Value::EnumNumber(number)) => {
                        let known = names.get_value(*number);
                        let text = known.map_or(number.to_string(), |v| v.name().to_owned());
                        line(out, record, &name, &text);
                    }
                    _ => lines(out, record, &name, value),
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                lines(out, record, &format!("{field}[{index}]"), item);
            }
        }
        Value::Map(map) => {
            let mut keys: Vec<(String, &Value)> =
                map.iter().map(|(key, value)| (key_text(key), value)).collect();
            keys.sort_by(|a, b| a.0.cmp(&b.0));
            for (key, value) in keys {
                lines(out, record, &inner(&key), value);
            }
        }
        Value::String(text) => line(out, record, field, text),
        Value::Bool(value) => line(out, record, field, &value.to_string()),
        Value::I32(value) | Value::EnumNumber(value) => {
            line(out, record, field, &value.to_string());
        }
        Value::I64(value) => line(out, record, field, &value.to_string()),
        Value::U32(value) => line(out, record, field, &value.to_string()),
        Value::U64(value) => line(out, record, field, &value.to_string()),
        Value::F32(value) => line(out, record, field, &value.to_string()),
        Value::F64(value) => line(out, record, field, &value.to_string()),
        Value::Bytes(_) => {}
    }
}

const TIMESTAMP: &str = "google.protobuf.Timestamp";

fn timestamp(message: &DynamicMessage) -> String {
    let part = |name: &str| message.get_field_by_name(name).map(|value| value.into_owned());
    let seconds = part("seconds").and_then(|value| value.as_i64()).unwrap_or_default();
    let nanos = part("nanos").and_then(|value| value.as_i32()).unwrap_or_default();
    let stamp = jiff::Timestamp::new(seconds, nanos);
    stamp.map(|stamp| stamp.to_string()).unwrap_or_default()
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn line(out: &mut String, record: &str, field: &str, value: &str) {
    push_line(out, [Cell::Text(record), Cell::Text(field), Cell::Text(value)]);
}
