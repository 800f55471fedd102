//! Competitors and their products.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{names, survey::v1, time};
use serde_json::json;
use survey_domain::record::{Competitor, Product};
use uuid::Uuid;

use crate::{convert, convert::etag, state::App, store};

/// Competitors of a list.
const LIST_MAX: u64 = 1_000;

fn competitor_to(competitor: &Competitor, customers: i64) -> v1::Competitor {
    let products = competitor.products.iter().map(|product| v1::CompetitorProduct {
        code: product.code.clone(),
        display_name: product.display_name.clone(),
        our_product: product.our_product.clone(),
    });
    v1::Competitor {
        name: names::print("competitors", competitor.id),
        display_name: competitor.display_name.clone(),
        note: competitor.note.clone(),
        products: products.collect(),
        customer_count: customers,
        etag: etag(competitor.version),
        create_time: Some(time::from_us(competitor.create_us)),
        retire_time: time::from_us_opt(competitor.retire_us),
    }
}

fn products_of(given: Vec<v1::CompetitorProduct>) -> Vec<Product> {
    let product = |given: v1::CompetitorProduct| Product {
        code: given.code,
        display_name: given.display_name,
        our_product: given.our_product,
    };
    given.into_iter().map(product).collect()
}

async fn found(app: &App, org: Uuid, field: &str, name: &str) -> Result<(Competitor, i64)> {
    let id = convert::id("competitors", field, name)?;
    let mut found = store::customer_schema::competitors(app.db.read(), org, Some(id), 1).await?;
    found.pop().ok_or_else(|| ServiceError::not_found("competitor"))
}

/// Adds a competitor.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateCompetitorRequest,
) -> Result<v1::Competitor> {
    caller.authorize_organisation()?;
    let given = request.competitor.clone().unwrap_or_default();
    let competitor = Competitor {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        display_name: given.display_name,
        note: given.note,
        products: products_of(given.products),
        version: 1,
        create_us: app.clock.now_us(),
        retire_us: None,
    };
    competitor.check().map_err(|wrong| convert::error(wrong, "competitor."))?;
    let answer = competitor_to(&competitor, 0);
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    store::customer_schema::insert_competitor(tx.conn(), &competitor).await?;
    let detail = json!({ "displayName": competitor.display_name });
    audit::record(&tx, caller, &answer.name, None, detail, app.clock.as_ref()).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// One competitor.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<v1::Competitor> {
    caller.visible()?;
    let (competitor, customers) = found(app, caller.org, "name", name).await?;
    Ok(competitor_to(&competitor, customers))
}

/// Lists competitors.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListCompetitorsRequest,
) -> Result<v1::ListCompetitorsResponse> {
    caller.visible()?;
    let found =
        store::customer_schema::competitors(app.db.read(), caller.org, None, LIST_MAX).await?;
    let wanted = found.iter().filter(|(c, _)| request.show_retired || c.retire_us.is_none());
    let competitors = wanted.map(|(competitor, count)| competitor_to(competitor, *count)).collect();
    Ok(v1::ListCompetitorsResponse { competitors })
}

/// Changes name, note or products.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateCompetitorRequest,
) -> Result<v1::Competitor> {
    caller.authorize_organisation()?;
    let given = request.competitor.unwrap_or_default();
    let mask = Mask::read(request.update_mask.as_ref(), &["display_name", "note", "products"])?;
    let (mut competitor, customers) =
        found(app, caller.org, "competitor.name", &given.name).await?;
    convert::must_be_current(&given.etag, competitor.version)?;
    if competitor.retire_us.is_some() {
        return Err(ServiceError::wrong_state("the competitor is retired"));
    }
    let before = competitor.clone();
    mask.take("display_name", given.display_name, &mut competitor.display_name);
    mask.take("note", given.note, &mut competitor.note);
    if mask.covers("products", !given.products.is_empty()) {
        competitor.products = products_of(given.products);
    }
    competitor.check().map_err(|wrong| convert::error(wrong, "competitor."))?;
    if competitor != before {
        let tx = app.db.begin().await?;
        store::customer_schema::save_competitor(tx.conn(), &mut competitor).await?;
        let detail = json!({ "displayName": competitor.display_name });
        audit::record(&tx, caller, &given.name, None, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(competitor_to(&competitor, customers))
}

/// Takes a competitor out of use.
pub async fn retire(app: &App, caller: &Caller, name: &str) -> Result<v1::Competitor> {
    caller.authorize_organisation()?;
    let (mut competitor, customers) = found(app, caller.org, "name", name).await?;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let table = "competitor";
    if store::customer_schema::retire(tx.conn(), table, caller.org, competitor.id, now_us).await? {
        competitor.retire_us = Some(now_us);
        let detail = json!({ "retired": true });
        audit::record(&tx, caller, name, None, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(competitor_to(&competitor, customers))
}
