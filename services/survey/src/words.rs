//! What people write in their own words may name them, whatever they were asked. Of a known
//! customer the answers are kept encrypted for that person, and beside it only what can be
//! counted: with the person's key the words are gone, wherever a copy of them lies.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::error::{Result, ServiceError};
use sea_orm::ConnectionTrait;
use survey_domain::{
    answer::Answers,
    response::{Response, has_texts},
};
use uuid::Uuid;

use crate::{
    personal::PersonKey,
    state::App,
    store::{self, response::ExportRow, response_draft::Draft},
};

/// What is known of a customer here.
enum Person {
    Known(PersonKey),
    Erased,
}

/// Keys of these customers, each with its organisation.
async fn people(
    app: &App,
    conn: &impl ConnectionTrait,
    wanted: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<HashMap<Uuid, Person>> {
    let mut by_org: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for (org, customer) in wanted {
        by_org.entry(org).or_default().insert(customer);
    }
    let mut found = HashMap::new();
    for (org, ids) in by_org {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        for (id, key) in store::customer::keys(conn, org, &ids).await? {
            let person = match key {
                None => Person::Erased,
                Some(key) => Person::Known(app.vault.open_key(id, &key)?),
            };
            found.insert(id, person);
        }
    }
    Ok(found)
}

fn closed(key: &PersonKey, record: Uuid, answers: &Answers) -> Result<Option<Vec<u8>>> {
    if !has_texts(answers) {
        return Ok(None);
    }
    let plain = serde_json::to_vec(answers).map_err(ServiceError::internal)?;
    key.seal(record, &plain).map(Some)
}

fn opened(key: &PersonKey, record: Uuid, sealed: &[u8]) -> Result<Answers> {
    let plain = key.open(record, sealed)?;
    serde_json::from_slice(&plain).map_err(ServiceError::internal)
}

/// Encrypts the words of new responses of known customers. Who was erased in the meantime is
/// taken out of them.
pub async fn seal(
    app: &App,
    conn: &impl ConnectionTrait,
    responses: &mut [Response],
) -> Result<()> {
    let named = responses.iter().filter_map(|r| Some((r.org, r.customer?)));
    let people = people(app, conn, named).await?;
    for response in responses {
        match response.customer.and_then(|customer| people.get(&customer)) {
            Some(Person::Known(key)) => {
                response.sealed = closed(key, response.id, &response.answers)?;
            }
            Some(Person::Erased) => response.erase(),
            None => {}
        }
    }
    Ok(())
}

/// Puts the words back into responses that were read. Those of a person who was erased stay away.
pub async fn open(
    app: &App,
    conn: &impl ConnectionTrait,
    responses: &mut [Response],
) -> Result<()> {
    let with_words = responses.iter().filter(|response| response.sealed.is_some());
    let named = with_words.filter_map(|r| Some((r.org, r.customer?)));
    let people = people(app, conn, named).await?;
    for response in responses {
        let customer = response.customer.and_then(|customer| people.get(&customer));
        if let (Some(Person::Known(key)), Some(sealed)) = (customer, &response.sealed) {
            response.answers = opened(key, response.id, sealed)?;
        }
    }
    Ok(())
}

/// Puts the words back into rows of an export of an organisation.
pub async fn open_rows(
    app: &App,
    conn: &impl ConnectionTrait,
    org: Uuid,
    rows: &mut [ExportRow],
) -> Result<()> {
    let with_words = rows.iter().filter(|row| row.sealed.is_some());
    let people = people(app, conn, with_words.filter_map(|row| Some((org, row.customer?)))).await?;
    for row in rows {
        let customer = row.customer.and_then(|customer| people.get(&customer));
        // Nothing but the plain words is of use from here on.
        if let Some(sealed) = row.sealed.take()
            && let Some(Person::Known(key)) = customer
        {
            let plain = key.open(row.id, &sealed)?;
            row.answers = String::from_utf8(plain).map_err(ServiceError::internal)?;
        }
    }
    Ok(())
}

/// Encrypts the words of a draft of a known customer.
pub async fn seal_draft(app: &App, conn: &impl ConnectionTrait, draft: &mut Draft) -> Result<()> {
    let Some(customer) = draft.customer else { return Ok(()) };
    let people = people(app, conn, std::iter::once((draft.org, customer))).await?;
    if let Some(Person::Known(key)) = people.get(&customer) {
        draft.sealed = closed(key, draft.id, &draft.answers)?;
    }
    Ok(())
}

/// Puts the words back into drafts that were read.
pub async fn open_drafts(
    app: &App,
    conn: &impl ConnectionTrait,
    drafts: &mut [Draft],
) -> Result<()> {
    let with_words = drafts.iter().filter(|draft| draft.sealed.is_some());
    let named = with_words.filter_map(|draft| Some((draft.org, draft.customer?)));
    let people = people(app, conn, named).await?;
    for draft in drafts {
        let customer = draft.customer.and_then(|customer| people.get(&customer));
        if let (Some(Person::Known(key)), Some(sealed)) = (customer, &draft.sealed) {
            draft.answers = opened(key, draft.id, sealed)?;
        }
    }
    Ok(())
}

/// Encrypts the words of a response anew, for the customer that another one was merged into.
pub fn hand_over(response: &mut Response, from: &PersonKey, to: &PersonKey) -> Result<()> {
    if let Some(sealed) = &response.sealed {
        response.sealed = Some(to.seal(response.id, &from.open(response.id, sealed)?)?);
    }
    Ok(())
}
