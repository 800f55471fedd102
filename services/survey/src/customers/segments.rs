//! Segments: saved filters, and the evaluation of filters on customers.

use std::collections::HashMap;

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{common::v1::Permission, names, survey::v1, time};
use serde_json::json;
use survey_domain::{
    customer::{Customer, DAY_US, Purpose},
    record::SavedSegment,
    segment::{Field, Filter, Subject, Value},
};
use uuid::Uuid;

use super::{access::unit_in_use, classes};
use crate::{convert, convert::etag, state::App, store};

/// Customers that are read in one go.
const BLOCK: u64 = 1_000;

/// A filter with what it needs to be evaluated on customers of an organisation.
pub struct Matcher {
    filter: Filter,
    classes: HashMap<Uuid, String>,
    competitors: HashMap<Uuid, String>,
    now_us: i64,
}

impl Matcher {
    /// Whether a customer fulfils the filter.
    pub fn matches(&self, customer: &Customer) -> bool {
        self.filter.matches(&Seen { matcher: self, customer })
    }
}

struct Seen<'a> {
    matcher: &'a Matcher,
    customer: &'a Customer,
}

impl Subject for Seen<'_> {
    fn field(&self, field: Field) -> Option<Value> {
        let (customer, activity) = (self.customer, &self.customer.activity);
        let text = |text: &str| Some(Value::Text(text.to_owned())).filter(|_| !text.is_empty());
        #[allow(clippy::cast_precision_loss, reason = "counts and hundredths stay below 2^53")]
        let number = |number: i64| Some(Value::Number(number as f64));
        let consent = |purpose| Some(Value::Truth(customer.consents.given(purpose)));
        let days_since = |us: Option<i64>| {
            us.and_then(|us| number((self.matcher.now_us - us).div_euclid(DAY_US)))
        };
        match field {
            Field::Class => text(self.matcher.classes.get(&customer.class)?),
            Field::Competitor => text(self.matcher.competitors.get(&customer.competitor?)?),
            Field::Language => text(&customer.language),
            Field::Importance => Some(Value::Number(customer.importance)),
            Field::PurchaseCount => number(activity.purchase_count),
            #[allow(clippy::cast_precision_loss, reason = "hundredths stay below 2^53")]
            Field::PurchaseAmount => Some(Value::Number(activity.purchase_cents as f64 / 100.0)),
            Field::ComplaintCount => number(activity.complaint_count),
            Field::ReferralCount => number(activity.referral_count),
            Field::DaysSincePurchase => days_since(activity.last_purchase_us),
            Field::DaysSinceContact => days_since(activity.last_contact_us),
            Field::ContactEveryDays => number(customer.contact_every_days.into()),
            Field::Since => customer.since.map(Value::Date),
            Field::Created => {
                let stamp = jiff::Timestamp::from_microsecond(customer.create_us).ok()?;
                Some(Value::Date(stamp.to_zoned(jiff::tz::TimeZone::UTC).date()))
            }
            Field::ConsentSurvey => consent(Purpose::Survey),
            Field::ConsentCare => consent(Purpose::Care),
            Field::ConsentMarketing => consent(Purpose::Marketing),
            Field::DoNotContact => Some(Value::Truth(customer.preferences.do_not_contact)),
        }
    }

    fn attribute(&self, code: &str) -> Option<&str> {
        self.customer.attributes.get(code).map(String::as_str)
    }
}

/// Reads a filter; `field` is its JSON path.
///
/// # Errors
/// INVALID_ARGUMENT with the place that cannot be read.
pub async fn matcher(app: &App, org: Uuid, field: &str, text: &str) -> Result<Matcher> {
    let attributes = store::customer_schema::attributes(app.db.read(), org).await?;
    let filter = Filter::parse(text, &attributes)
        .map_err(|fault| ServiceError::invalid(field, format!("cannot be read {fault}")))?;
    let classes = classes::all(app, org).await?;
    let competitors = store::customer_schema::competitors(app.db.read(), org, None, 1_000).await?;
    Ok(Matcher {
        filter,
        classes: classes.into_iter().map(|class| (class.id, class.code)).collect(),
        competitors: competitors.into_iter().map(|(c, _)| (c.id, c.display_name)).collect(),
        now_us: app.clock.now_us(),
    })
}

/// The matcher of a saved segment; nothing when none is named.
pub async fn matcher_of(app: &App, caller: &Caller, name: &str) -> Result<Option<Matcher>> {
    let Some(id) = convert::id_opt("segments", "segment", name)? else { return Ok(None) };
    let segment = readable(app, caller, id).await?;
    matcher(app, caller.org, "segment", &segment.filter).await.map(Some)
}

/// A segment of a unit of the caller, or of one above it.
///
/// # Errors
/// NOT_FOUND for any other.
pub async fn readable(app: &App, caller: &Caller, id: Uuid) -> Result<SavedSegment> {
    let absent = || ServiceError::not_found("segment");
    let found = store::customer_schema::segment(app.db.read(), caller.org, id).await?;
    let segment = found.ok_or_else(absent)?;
    let visible = caller.visible_for(Permission::CustomerRead)?;
    let view = visible.view();
    let above = visible.units().into_iter().any(|unit| view.is_within(unit, segment.unit));
    if visible.contains(segment.unit) || above { Ok(segment) } else { Err(absent()) }
}

/// A segment as the contract shows it.
pub fn segment_to(segment: &SavedSegment) -> v1::Segment {
    v1::Segment {
        name: names::print("segments", segment.id),
        unit: names::print("units", segment.unit),
        display_name: segment.display_name.clone(),
        filter: segment.filter.clone(),
        etag: etag(segment.version),
        create_time: Some(time::from_us(segment.create_us)),
        retire_time: time::from_us_opt(segment.retire_us),
    }
}

fn name_given(name: &str) -> Result<String> {
    if name.trim().is_empty() {
        return Err(ServiceError::invalid("segment.displayName", "is required"));
    }
    Ok(name.to_owned())
}

/// Saves a new segment.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateSegmentRequest,
) -> Result<v1::Segment> {
    let given = request.segment.clone().unwrap_or_default();
    let unit = convert::id("units", "segment.unit", &given.unit)?;
    unit_in_use(caller, unit)?;
    let read = matcher(app, caller.org, "segment.filter", &given.filter).await?;
    let segment = SavedSegment {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        unit,
        display_name: name_given(&given.display_name)?,
        filter: read.filter.canonical(),
        version: 1,
        create_us: app.clock.now_us(),
        retire_us: None,
    };
    let answer = segment_to(&segment);
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    store::customer_schema::insert_segment(tx.conn(), &segment).await?;
    let detail = json!({ "displayName": segment.display_name });
    audit::record(&tx, caller, &answer.name, Some(unit), detail, app.clock.as_ref()).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// One segment.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<v1::Segment> {
    let id = convert::id("segments", "name", name)?;
    Ok(segment_to(&readable(app, caller, id).await?))
}

/// Segments of the caller's units and of those above them.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListSegmentsRequest,
) -> Result<v1::ListSegmentsResponse> {
    let visible = caller.visible()?;
    let units = visible.narrowed(None)?.map(|units| {
        let view = visible.view();
        let mut all: Vec<Uuid> = units.iter().flat_map(|unit| view.path(*unit)).collect();
        all.sort_unstable();
        all.dedup();
        all
    });
    let key = format!("segments|{}|{}", caller.org, request.show_retired);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found = store::customer_schema::segments(
        app.db.read(),
        caller.org,
        units.as_deref(),
        request.show_retired,
        page.after,
        page.limit,
    )
    .await?;
    let next_page_token = page.close(&mut found, |s| s.id);
    Ok(v1::ListSegmentsResponse {
        segments: found.iter().map(segment_to).collect(),
        next_page_token,
    })
}

/// A segment that the caller may change.
async fn changeable(app: &App, caller: &Caller, field: &str, name: &str) -> Result<SavedSegment> {
    let id = convert::id("segments", field, name)?;
    let found = store::customer_schema::segment(app.db.read(), caller.org, id).await?;
    let segment = found.ok_or_else(|| ServiceError::not_found("segment"))?;
    caller.authorize_object(segment.unit, "segment")?;
    Ok(segment)
}

/// Changes name or filter.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateSegmentRequest,
) -> Result<v1::Segment> {
    let given = request.segment.unwrap_or_default();
    let mask = Mask::read(request.update_mask.as_ref(), &["display_name", "filter"])?;
    let mut segment = changeable(app, caller, "segment.name", &given.name).await?;
    convert::must_be_current(&given.etag, segment.version)?;
    if segment.retire_us.is_some() {
        return Err(ServiceError::wrong_state("the segment is retired"));
    }
    let before = segment.clone();
    if mask.covers("display_name", !given.display_name.is_empty()) {
        segment.display_name = name_given(&given.display_name)?;
    }
    if mask.covers("filter", !given.filter.is_empty()) {
        let read = matcher(app, caller.org, "segment.filter", &given.filter).await?;
        segment.filter = read.filter.canonical();
    }
    if segment != before {
        let tx = app.db.begin().await?;
        store::customer_schema::save_segment(tx.conn(), &mut segment).await?;
        let detail = json!({ "displayName": segment.display_name });
        let unit = Some(segment.unit);
        audit::record(&tx, caller, &given.name, unit, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(segment_to(&segment))
}

/// Takes a segment out of use.
pub async fn retire(app: &App, caller: &Caller, name: &str) -> Result<v1::Segment> {
    let mut segment = changeable(app, caller, "name", name).await?;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let table = "segment";
    if store::customer_schema::retire(tx.conn(), table, caller.org, segment.id, now_us).await? {
        segment.retire_us = Some(now_us);
        let (unit, detail) = (Some(segment.unit), json!({ "retired": true }));
        audit::record(&tx, caller, name, unit, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(segment_to(&segment))
}

/// Reads a filter and counts what it finds, block by block.
pub async fn check(
    app: &App,
    caller: &Caller,
    request: &v1::CheckSegmentRequest,
) -> Result<v1::CheckSegmentResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = caller.visible()?.narrowed(unit)?;
    let matcher = matcher(app, caller.org, "filter", &request.filter).await?;
    let filter = store::customer::Filter { units, ..Default::default() };
    let (mut count, mut of, mut after) = (0, 0, None);
    loop {
        let block = store::customer::list(app.db.read(), caller.org, &filter, after, BLOCK).await?;
        of += block.len() as i64;
        count += block.iter().filter(|customer| matcher.matches(customer)).count() as i64;
        after = block.last().map(|customer| customer.id);
        if (block.len() as u64) < BLOCK {
            break;
        }
    }
    Ok(v1::CheckSegmentResponse { count, of, canonical: matcher.filter.canonical() })
}
