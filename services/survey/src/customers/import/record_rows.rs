//! Rows of purchases and interactions.

use kit::{db::WriteTx, error::Result};
use survey_domain::{
    csv_import::{InteractionRow, PurchaseRow, Row, RowError},
    customer::Customer,
    record::{InteractionKind, InteractionText},
};

use super::worker::{Taken, Work};
use crate::{
    customers::record::{self, Named, NewInteraction, NewPurchase, Outcome, Triggers, Whom},
    state::App,
};

/// Latest time that is believed: a day ahead of us.
const AHEAD_US: i64 = 86_400_000_000;

/// Takes a group of purchases in.
pub async fn purchases(app: &App, tx: &WriteTx, work: &Work, rows: &[Row]) -> Result<Taken> {
    let read = rows.iter().map(|row| (row, PurchaseRow::read(&work.columns, row, &work.known)));
    let (mut taken, found) = customers_of(app, tx, work, read).await?;
    let (mut new, mut lines) = (Vec::new(), Vec::new());
    for (row, made, customer) in found {
        lines.push(row);
        new.push(NewPurchase {
            item_id: made.item_id,
            customer: customer.id,
            competitor: made.competitor,
            at_us: made.time_us,
            cents: made.cents,
            product: made.product,
        });
    }
    let outcomes = record::purchases(app, tx, work.import.org, new).await?;
    count(work, &mut taken, &lines, &outcomes);
    Ok(taken)
}

/// Takes a group of interactions in.
pub async fn interactions(
    app: &App,
    tx: &WriteTx,
    work: &Work,
    triggers: &Triggers,
    rows: &[Row],
) -> Result<Taken> {
    let read = rows.iter().map(|row| (row, InteractionRow::read(&work.columns, row, &work.known)));
    let (mut taken, found) = customers_of(app, tx, work, read).await?;
    let (mut new, mut lines) = (Vec::new(), Vec::new());
    for (row, made, customer) in found {
        let kind = InteractionKind::from_number(made.kind).unwrap_or(InteractionKind::Contact);
        lines.push(row);
        new.push(NewInteraction {
            item_id: made.item_id,
            unit: customer.unit,
            customer,
            kind,
            at_us: made.time_us,
            end_us: made.end_us.filter(|end| *end >= made.time_us),
            resolved: made.resolved && kind == InteractionKind::Complaint,
            node: made.node,
            text: InteractionText { reference: made.reference, note: made.note },
        });
    }
    let outcomes = record::interactions(app, tx, work.import.org, triggers, new).await?;
    count(work, &mut taken, &lines, &outcomes);
    Ok(taken)
}

/// A row of something that happened to a customer.
trait OfCustomer {
    fn external_id(&self) -> &str;
    fn time_us(&self) -> i64;
}

impl OfCustomer for PurchaseRow {
    fn external_id(&self) -> &str {
        &self.external_id
    }

    fn time_us(&self) -> i64 {
        self.time_us
    }
}

impl OfCustomer for InteractionRow {
    fn external_id(&self) -> &str {
        &self.external_id
    }

    fn time_us(&self) -> i64 {
        self.time_us
    }
}

/// Rows that could be read and are believed, each with its customer; of the others the errors.
async fn customers_of<'a, T: OfCustomer>(
    app: &App,
    tx: &WriteTx,
    work: &Work,
    rows: impl Iterator<Item = (&'a Row, std::result::Result<T, RowError>)>,
) -> Result<(Taken, Vec<(&'a Row, T, Customer)>)> {
    let mut taken = Taken::default();
    let mut read = Vec::new();
    for (row, made) in rows {
        match made {
            Ok(made) if !believed(app, made.time_us()) => taken.errors.push(future(work, row)),
            Ok(made) => read.push((row, made)),
            Err(error) => taken.errors.push(error),
        }
    }
    let names = read.iter().map(|(_, made)| made.external_id().to_owned());
    let whom = whom(app, tx, work, names.collect()).await?;
    let mut found = Vec::with_capacity(read.len());
    for ((row, made), whom) in read.into_iter().zip(whom) {
        match within(app, work, row, whom) {
            Ok(customer) => found.push((row, made, customer)),
            Err(error) => taken.errors.push(error),
        }
    }
    Ok((taken, found))
}

fn believed(app: &App, us: i64) -> bool {
    (0..=app.clock.now_us().saturating_add(AHEAD_US)).contains(&us)
}

fn future(work: &Work, row: &Row) -> RowError {
    work.columns.error_of(row.line, "time", "is before 1970 or in the future")
}

async fn whom(app: &App, tx: &WriteTx, work: &Work, names: Vec<String>) -> Result<Vec<Whom>> {
    let names: Vec<Named> = names.into_iter().map(Named::External).collect();
    record::resolve(app, tx.conn(), work.import.org, &names).await
}

/// A customer of the import's unit or of those below it.
fn within(
    app: &App,
    work: &Work,
    row: &Row,
    whom: Whom,
) -> std::result::Result<Customer, RowError> {
    let refused = |text: &str| Err(work.columns.error_of(row.line, "external_id", text));
    match whom {
        Whom::Found(customer) => {
            let view = app.directory.organisation(work.import.org);
            let within = view.is_some_and(|v| v.is_within(customer.unit, work.import.unit));
            if within { Ok(*customer) } else { refused("names no known customer") }
        }
        Whom::Unknown => refused("names no known customer"),
        Whom::Erased => refused("this person was erased"),
    }
}

fn count(work: &Work, taken: &mut Taken, lines: &[&Row], outcomes: &[Outcome]) {
    for (row, outcome) in lines.iter().zip(outcomes) {
        match outcome {
            Outcome::Recorded(_) => taken.counts.created += 1,
            Outcome::Repeated(_) => taken.counts.unchanged += 1,
            Outcome::Conflict => {
                let text = "was used with another content";
                taken.errors.push(work.columns.error_of(row.line, "item_id", text));
            }
        }
    }
    taken.errors.sort_by_key(|error| error.line);
}
