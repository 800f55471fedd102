//! Reading customers.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1, time};
use survey_domain::{
    customer::{Customer, Personal, State},
    duplicate::{REASONS, Reason},
};

use super::{access::customer_of, convert::shown, segments};
use crate::{convert, state::App, store};

/// Blocks that a page with a filter reads at most before it is shown as it is.
const BLOCKS_MAX: usize = 20;
/// Customers of an answer to a look-up.
const FOUND_MAX: u64 = 100;
/// Customers shown of a group of duplicates.
const GROUP_MAX: usize = 20;
/// Records of a history.
const HISTORY_MAX: u64 = 1_000;

/// One customer.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<v1::Customer> {
    let customer = customer_of(app, caller, "name", name).await?;
    shown(app, caller, &customer)
}

/// A page of customers.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListCustomersRequest,
) -> Result<v1::ListCustomersResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let filter = store::customer::Filter {
        units: caller.visible()?.narrowed(unit)?,
        class: convert::id_opt("customerClasses", "customerClass", &request.customer_class)?,
        competitor: convert::id_opt("competitors", "competitor", &request.competitor)?,
        show_retired: request.show_retired,
        show_erased: false,
    };
    let mut matchers = Vec::new();
    matchers.extend(segments::matcher_of(app, caller, &request.segment).await?);
    if !request.filter.is_empty() {
        matchers.push(segments::matcher(app, caller.org, "filter", &request.filter).await?);
    }
    let key = format!(
        "customers|{}|{}|{}|{}|{}|{}|{}",
        caller.org,
        request.unit,
        request.customer_class,
        request.competitor,
        request.segment,
        request.show_retired,
        request.filter,
    );
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut after = page.after;
    let mut found: Vec<Customer> = Vec::new();
    let mut next_page_token = String::new();
    for _ in 0..BLOCKS_MAX {
        let conn = app.db.read();
        let block = store::customer::list(conn, caller.org, &filter, after, page.limit).await?;
        let ended = (block.len() as u64) < page.limit;
        for customer in block {
            after = Some(customer.id);
            if matchers.iter().all(|matcher| matcher.matches(&customer)) {
                found.push(customer);
            }
            if found.len() > page.size() {
                break;
            }
        }
        if found.len() > page.size() {
            next_page_token = page.close(&mut found, |last| last.id);
            break;
        }
        if ended {
            next_page_token.clear();
            break;
        }
        // The page may end here, with what was found so far.
        next_page_token = after.map(|id| page.token(&id)).unwrap_or_default();
    }
    let customers = found.iter().map(|c| shown(app, caller, c)).collect::<Result<_>>()?;
    Ok(v1::ListCustomersResponse { customers, next_page_token })
}

/// Customers with exactly this telephone number, address, name or number.
pub async fn find(
    app: &App,
    caller: &Caller,
    request: v1::FindCustomersRequest,
) -> Result<v1::FindCustomersResponse> {
    use store::customer::Hashed;
    let given = [&request.phone, &request.email, &request.display_name, &request.external_id];
    if given.iter().filter(|text| !text.is_empty()).count() != 1 {
        let text = "exactly one of phone, email, displayName and externalId is wanted";
        return Err(ServiceError::invalid("phone", text));
    }
    let wanted = Personal {
        phone: request.phone,
        email: request.email,
        display_name: request.display_name,
        external_id: request.external_id,
        ..Personal::default()
    };
    let hashes = app.vault.hashes(caller.org, &wanted);
    let (hashed, hash) = [
        (Hashed::Phone, hashes.phone),
        (Hashed::Email, hashes.email),
        (Hashed::Name, hashes.name),
        (Hashed::External, hashes.external),
    ]
    .into_iter()
    .find_map(|(hashed, hash)| Some((hashed, hash?)))
    .ok_or_else(|| ServiceError::invalid("phone", "holds nothing to look for"))?;
    let visible = caller.visible()?;
    let conn = app.db.read();
    let found = store::customer::find_by_hash(conn, caller.org, hashed, &[hash], FOUND_MAX).await?;
    let mut customers: Vec<v1::Customer> = Vec::new();
    for customer in found {
        let current = match customer.state {
            State::Merged => store::customer::find_current(conn, caller.org, customer.id).await?,
            _ => Some(customer),
        };
        let Some(current) = current.filter(|c| visible.contains(c.unit)) else { continue };
        let made = shown(app, caller, &current)?;
        if current.state != State::Erased && !customers.iter().any(|c| c.name == made.name) {
            customers.push(made);
        }
    }
    Ok(v1::FindCustomersResponse { customers })
}

/// Groups of customers that are probably one, reason by reason.
pub async fn duplicates(
    app: &App,
    caller: &Caller,
    request: &v1::ListDuplicatesRequest,
) -> Result<v1::ListDuplicatesResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = caller.visible()?.narrowed(unit)?;
    let key = format!("duplicates|{}|{}", caller.org, request.unit);
    let mut page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (at, mut after) = page.after.take().unzip();
    let mut at = at.and_then(|at: i64| usize::try_from(at).ok()).unwrap_or_default();
    let mut found: Vec<(usize, Vec<u8>, v1::DuplicateGroup)> = Vec::new();
    while at < REASONS.len() && found.len() <= page.size() {
        let left = page.limit - found.len() as u64;
        let groups = store::customer::duplicates(
            app.db.read(),
            caller.org,
            units.as_deref(),
            REASONS[at],
            after.take(),
            left,
        )
        .await?;
        for (hash, ids) in groups {
            found.push((at, hash, group(REASONS[at], &ids)));
        }
        at += 1;
    }
    let next_page_token = page.close(&mut found, |(at, hash, _)| (*at as i64, hash.clone()));
    let groups = found.into_iter().map(|(.., group)| group).collect();
    Ok(v1::ListDuplicatesResponse { groups, next_page_token })
}

fn group(reason: Reason, ids: &[uuid::Uuid]) -> v1::DuplicateGroup {
    let shown = ids.iter().take(GROUP_MAX).map(|id| names::print("customers", *id));
    v1::DuplicateGroup { reason: reason as i32, customers: shown.collect() }
}

/// Which customers were merged into this one.
pub async fn merges(app: &App, caller: &Caller, name: &str) -> Result<v1::ListMergesResponse> {
    let customer = customer_of(app, caller, "name", name).await?;
    let conn = app.db.read();
    let found = store::customer_record::merges(conn, caller.org, customer.id, HISTORY_MAX).await?;
    Ok(v1::ListMergesResponse { merges: found.iter().map(merge_to).collect() })
}

/// A merge as the contract shows it.
pub fn merge_to(merge: &survey_domain::record::MergeRecord) -> v1::Merge {
    v1::Merge {
        customer: names::print("customers", merge.customer),
        merged: names::print("customers", merge.merged),
        actor: merge.actor.clone(),
        time: Some(time::from_us(merge.at_us)),
        taken_fields: merge.taken.clone(),
        moved_purchases: merge.purchases,
        moved_interactions: merge.interactions,
    }
}

/// All records of consent.
pub async fn consents(app: &App, caller: &Caller, name: &str) -> Result<v1::ListConsentsResponse> {
    let customer = customer_of(app, caller, "name", name).await?;
    let personal = super::access::sees_personal(caller, customer.unit);
    let consents = consents_of(app, &customer, personal).await?;
    Ok(v1::ListConsentsResponse { consents })
}

/// Records of consent of a customer, with their personal field or without.
pub async fn consents_of(
    app: &App,
    customer: &Customer,
    personal: bool,
) -> Result<Vec<v1::Consent>> {
    let conn = app.db.read();
    let found =
        store::customer_record::consents(conn, customer.org, customer.id, HISTORY_MAX).await?;
    let key = match personal && !customer.sealed.key.is_empty() {
        true => Some(app.vault.open_key(customer.id, &customer.sealed.key)?),
        false => None,
    };
    let mut shown = Vec::new();
    for consent in found {
        let source = match (&key, &consent.source) {
            (Some(key), Some(sealed)) => {
                String::from_utf8_lossy(&key.open(consent.id, sealed)?).into_owned()
            }
            _ => String::new(),
        };
        shown.push(v1::Consent {
            customer: names::print("customers", consent.customer),
            purpose: consent.purpose as i32,
            given: consent.given,
            source,
            time: Some(time::from_us(consent.at_us)),
        });
    }
    Ok(shown)
}
