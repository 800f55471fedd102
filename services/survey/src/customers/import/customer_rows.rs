//! Rows of customers: found again by the number of another system, telephone number, e-mail
//! address or name with birthday, then changed or added.

use std::collections::{HashMap, HashSet};

use kit::{clock::new_id, db::WriteTx, error::Result};
use prost::Message as _;
use proto::survey::v1;
use survey_domain::{
    Error,
    csv_import::{CustomerRow, Row, RowError},
    customer::{self, Customer, Hashes, PURPOSES, Personal, State},
    record::ConsentRecord,
};

use super::worker::{Taken, Work};
use crate::{
    customers::{classes, fields::blank, tombstone},
    fieldwork::withdrawal::{self, Why},
    state::App,
    store::{self, customer::Hashed},
};

/// Customers that may share the hashes of a group.
const FOUND_MAX: u64 = 20_000;

/// A customer that the group is about.
struct Person {
    before: Option<(Customer, Personal)>,
    customer: Customer,
    personal: Personal,
}

/// Persons by their hashes.
#[derive(Default)]
struct People {
    all: Vec<Person>,
    by_hash: HashMap<(u8, Vec<u8>), usize>,
}

impl People {
    fn index(&mut self, at: usize, hashes: &Hashes) {
        for (kind, hash) in keyed(hashes) {
            self.by_hash.entry((kind as u8, hash.clone())).or_insert(at);
        }
    }

    /// The person that a row is about. A telephone number or address tells a person with another
    /// number of another system not apart from somebody else, so that one is not taken.
    fn find(&self, hashes: &Hashes) -> Option<usize> {
        let at = |hashed: Hashed, hash: &Option<Vec<u8>>| {
            self.by_hash.get(&(hashed as u8, hash.clone()?)).copied()
        };
        if let Some(found) = at(Hashed::External, &hashes.external) {
            return Some(found);
        }
        let fits = |found: &usize| {
            let theirs = &self.all[*found].customer.hashes.external;
            theirs.is_none() || hashes.external.is_none()
        };
        let nothing_better = hashes.phone.is_none() && hashes.email.is_none();
        at(Hashed::Phone, &hashes.phone)
            .or_else(|| at(Hashed::Email, &hashes.email))
            .or_else(|| at(Hashed::NameBirthday, &hashes.name_birthday).filter(|_| nothing_better))
            .filter(fits)
    }
}

fn keyed(hashes: &Hashes) -> impl Iterator<Item = (Hashed, &Vec<u8>)> {
    [
        (Hashed::External, &hashes.external),
        (Hashed::Phone, &hashes.phone),
        (Hashed::Email, &hashes.email),
        (Hashed::NameBirthday, &hashes.name_birthday),
    ]
    .into_iter()
    .filter_map(|(kind, hash)| Some((kind, hash.as_ref()?)))
}

/// Takes a group of rows in.
pub async fn take(app: &App, tx: &WriteTx, work: &Work, rows: &[Row]) -> Result<Taken> {
    let org = work.import.org;
    let mut taken = Taken::default();
    let mut read = Vec::new();
    for row in rows {
        match CustomerRow::read(&work.columns, row, &work.known) {
            Ok(row) => {
                let hashes = app.vault.hashes(org, &row.personal);
                read.push((row, hashes));
            }
            Err(error) => taken.errors.push(error),
        }
    }
    let mut people = known(app, tx, work, &read).await?;
    let erased = erased(tx, work, &read).await?;
    let view = app.directory.organisation(org);
    for (row, hashes) in &read {
        let found = people.find(hashes);
        let told = tombstone::telling(hashes);
        let is_erased =
            told.iter().any(|(kind, hash)| erased.contains(&(*kind as i16, (*hash).clone())));
        let refused = |text: &str| {
            Some(RowError {
                line: row.line,
                column: 0,
                header: String::new(),
                text: text.to_owned(),
            })
        };
        let problem = match found {
            None if is_erased => refused("this person was erased"),
            Some(at) => {
                let unit = people.all[at].customer.unit;
                let within = view.as_ref().is_some_and(|v| v.is_within(unit, work.import.unit));
                if within { None } else { refused("the customer belongs to another unit") }
            }
            None => None,
        };
        let result = match problem {
            Some(error) => Err(error),
            None => put(app, work, &mut people, found, row),
        };
        match result {
            Ok(true) => {}
            Ok(false) => taken.counts.unchanged += 1,
            Err(error) => taken.errors.push(error),
        }
    }
    save(app, tx, people, &mut taken).await?;
    taken.errors.sort_by_key(|error| error.line);
    Ok(taken)
}

/// Customers that the rows may be about.
async fn known(
    app: &App,
    tx: &WriteTx,
    work: &Work,
    read: &[(CustomerRow, Hashes)],
) -> Result<People> {
    let (conn, org) = (tx.conn(), work.import.org);
    let mut people = People::default();
    let mut seen = HashSet::new();
    for hashed in [Hashed::External, Hashed::Phone, Hashed::Email, Hashed::NameBirthday] {
        let hashes: Vec<Vec<u8>> = read
            .iter()
            .flat_map(|(_, hashes)| keyed(hashes))
            .filter(|(kind, _)| *kind == hashed)
            .map(|(_, hash)| hash.clone())
            .collect();
        for found in store::customer::find_by_hash(conn, org, hashed, &hashes, FOUND_MAX).await? {
            let hashes = found.hashes.clone();
            let current = match found.state {
                State::Merged => store::customer::find_current(conn, org, found.id).await?,
                _ => Some(found),
            };
            let Some(current) = current.filter(|c| c.state != State::Erased) else { continue };
            if seen.insert(current.id) {
                let personal = app.vault.open(current.id, &current.sealed)?;
                let before = Some((current.clone(), personal.clone()));
                people.all.push(Person { before, customer: current, personal });
                let at = people.all.len() - 1;
                let own = people.all[at].customer.hashes.clone();
                people.index(at, &own);
                // A merged record's number leads to the one that it was merged into.
                people.index(at, &hashes);
            }
        }
    }
    Ok(people)
}

async fn erased(
    tx: &WriteTx,
    work: &Work,
    read: &[(CustomerRow, Hashes)],
) -> Result<HashSet<(i16, Vec<u8>)>> {
    let hashes: Vec<Vec<u8>> = read
        .iter()
        .flat_map(|(_, hashes)| tombstone::telling(hashes))
        .map(|(_, hash)| hash.clone())
        .collect();
    let found = store::erasure::tombstones(tx.conn(), work.import.org, &hashes).await?;
    Ok(found.into_iter().collect())
}

/// Applies a row; answers whether it changed anything.
fn put(
    app: &App,
    work: &Work,
    people: &mut People,
    found: Option<usize>,
    row: &CustomerRow,
) -> std::result::Result<bool, RowError> {
    let (mut customer, mut personal) = match found {
        Some(at) => (people.all[at].customer.clone(), people.all[at].personal.clone()),
        None => (blank(app, work.import.org, work.import.unit), Personal::default()),
    };
    row.apply(&mut customer, &mut personal);
    customer::check(&customer, &mut personal).map_err(|wrong| in_row(work, row.line, &wrong))?;
    let at = match found {
        Some(at) => {
            let person = &mut people.all[at];
            if person.customer == customer && person.personal == personal {
                return Ok(false);
            }
            (person.customer, person.personal) = (customer, personal);
            at
        }
        None => {
            people.all.push(Person { before: None, customer, personal });
            people.all.len() - 1
        }
    };
    let hashes = app.vault.hashes(work.import.org, &people.all[at].personal);
    people.all[at].customer.hashes = hashes.clone();
    people.index(at, &hashes);
    Ok(true)
}

/// A refused field as an error of its column.
fn in_row(work: &Work, line: u64, wrong: &Error) -> RowError {
    match wrong {
        Error::Invalid { field, description } => {
            let mut name = String::new();
            for sign in field.chars() {
                if sign.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(sign.to_ascii_lowercase());
            }
            work.columns.error_of(line, &name, description.clone())
        }
        Error::WrongState(text) => work.columns.error_of(line, "", *text),
    }
}

/// Encrypts and writes all persons that changed.
async fn save(app: &App, tx: &WriteTx, people: People, taken: &mut Taken) -> Result<()> {
    let now_us = app.clock.now_us();
    let mut new = Vec::new();
    let mut consents = Vec::new();
    for person in people.all {
        let Person { before, mut customer, personal } = person;
        let old = before.as_ref().map(|(old, _)| old.consents).unwrap_or_default();
        for purpose in PURPOSES {
            let given = customer.consents.given(purpose);
            if given != old.given(purpose) {
                consents.push(ConsentRecord {
                    id: new_id(app.clock.as_ref()),
                    org: customer.org,
                    customer: customer.id,
                    purpose,
                    given,
                    source: None,
                    at_us: now_us,
                });
            }
        }
        match before {
            None => {
                customer.sealed = app.vault.seal_new(customer.id, &personal)?;
                taken.counts.created += 1;
                new.push(customer);
            }
            Some((old, old_personal)) if old != customer || old_personal != personal => {
                customer.sealed = app.vault.seal_again(customer.id, &old.sealed, &personal)?;
                customer.change_us = now_us;
                store::customer::save(tx.conn(), &mut customer).await?;
                if customer.declines_since(&old) {
                    withdrawal::end_all(app, tx, customer.org, customer.id, Why::Refused).await?;
                }
                taken.counts.updated += 1;
            }
            Some(_) => {}
        }
    }
    if let Some(first) = new.first() {
        let events = classes::ensure(tx, first.org).await?;
        if !events.is_empty() {
            app.outbox.append(tx, v1::Events { items: events }.encode_to_vec()).await?;
        }
    }
    store::customer::insert(tx.conn(), &new).await?;
    store::customer_record::insert_consents(tx.conn(), &consents).await
}
