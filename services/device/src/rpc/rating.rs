//! Ratings: taking them in, and reading them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use device_domain::{
    rating_stored::{Channel, Rating},
    template::Template,
};
use kit::{
    auth::{Caller, open_request},
    error::{Result, ServiceError},
    listing::{self, Limits},
    page,
};
use proto::{
    device::v1::{self, rating_service_server::RatingService},
    time,
};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::{
    rating_convert, rating_import,
    rating_stream::{self, Answers, Uploads},
    rating_submit::{Prepared, authority, prepare},
    tree::tree,
};
use crate::{
    convert,
    ingest::Ingest,
    state::App,
    store::{
        self,
        rating::{Filter, Item},
    },
};

/// Largest batch; many long comments have to be sent in smaller ones.
pub const BATCH_BYTES_MAX: usize = 64 * 1024;

/// The rating service.
pub struct Ratings {
    app: Arc<App>,
    ingest: Ingest,
    uploads: Uploads,
}

impl Ratings {
    /// The handlers over the rating path.
    pub fn new(app: Arc<App>, ingest: Ingest) -> Self {
        Self { app, ingest, uploads: Uploads::default() }
    }
}

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl RatingService for Ratings {
    async fn batch_create_ratings(
        &self,
        request: Request<v1::BatchCreateRatingsRequest>,
    ) -> Answer<v1::BatchCreateRatingsResponse> {
        let (caller, request) = open_request(request)?;
        let now_us = self.app.clock.now_us();
        let Prepared { batch, open } = prepare(caller.org, authority(&caller)?, request, now_us)?;
        let answer = self.ingest.submit(batch).await?;
        Ok(Response::new(open.close(answer, self.ingest.slow_down_ms())))
    }

    type UploadRatingsStream = Answers;

    async fn upload_ratings(
        &self,
        request: Request<Streaming<v1::BatchCreateRatingsRequest>>,
    ) -> Answer<Self::UploadRatingsStream> {
        let (ingest, clock) = (&self.ingest, &self.app.clock);
        Ok(Response::new(rating_stream::upload(ingest, clock, &self.uploads, request)?))
    }

    async fn batch_import_ratings(
        &self,
        request: Request<v1::BatchImportRatingsRequest>,
    ) -> Answer<v1::BatchImportRatingsResponse> {
        let (caller, request) = open_request(request)?;
        let now_us = self.app.clock.now_us();
        let answer = rating_import::import(&self.ingest, &caller, request, now_us).await?;
        Ok(Response::new(answer))
    }

    async fn get_rating(&self, request: Request<v1::GetRatingRequest>) -> Answer<v1::Rating> {
        let (caller, request) = open_request(request)?;
        let id = convert::id("ratings", "name", &request.name)?;
        let found = store::rating::get(self.app.db.read(), caller.org, id).await?;
        let found = found.ok_or_else(|| ServiceError::not_found("rating"))?;
        if found.staff.is_none() || found.staff != caller.own_staff()? {
            caller.authorize_object(found.unit(), "rating")?;
        }
        Ok(Response::new(shown(&self.app, &found).await?))
    }

    async fn list_ratings(
        &self,
        request: Request<v1::ListRatingsRequest>,
    ) -> Answer<v1::ListRatingsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.app, &caller, &request).await?))
    }
}

/// A rating with its score.
pub async fn shown(app: &App, rating: &Rating) -> Result<v1::Rating> {
    let template = app.templates.get(rating.org, rating.template).await?;
    Ok(rating_convert::rating(rating, score(template.as_deref(), rating.grade)))
}

fn score(template: Option<&Template>, grade: i32) -> f64 {
    template.and_then(|template| template.score(grade)).unwrap_or_default()
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListRatingsRequest,
) -> Result<v1::ListRatingsResponse> {
    let filter = filter(app, caller, request).await?;
    let asked =
        v1::ListRatingsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let key = format!("ratings|{}|{:?}|{asked:?}", caller.org, filter.staff);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found =
        store::rating::list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |r| (r.press_us, r.id));
    let mut ratings = Vec::with_capacity(found.len());
    let mut known: HashMap<Uuid, Arc<Template>> = HashMap::new();
    for rating in &found {
        if let Entry::Vacant(place) = known.entry(rating.template)
            && let Some(template) = app.templates.get(rating.org, rating.template).await?
        {
            place.insert(template);
        }
        let template = known.get(&rating.template).map(Arc::as_ref);
        ratings.push(rating_convert::rating(rating, score(template, rating.grade)));
    }
    Ok(v1::ListRatingsResponse { ratings, next_page_token })
}

async fn filter(app: &App, caller: &Caller, request: &v1::ListRatingsRequest) -> Result<Filter> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let (from_us, to_us) =
        (time::to_us_opt(request.from.as_ref()), time::to_us_opt(request.to.as_ref()));
    if from_us.zip(to_us).is_some_and(|(from, to)| to < from) {
        return Err(ServiceError::invalid("to", "is before `from`"));
    }
    let grades = match request.bad_only {
        true => Some(bad_grades(app, caller.org).await?),
        false => None,
    };
    let staff = convert::id_opt("staff", "staff", &request.staff)?;
    let (Limits { units, placed }, staff) = reach(caller, unit, tree(request.tree()), staff)?;
    let item = match request.item.is_empty() {
        true => None,
        false => Some(item(app, caller.org, &request.item).await?),
    };
    Ok(Filter {
        units,
        placed,
        staff,
        device: convert::id_opt("devices", "device", &request.device)?,
        from_us,
        to_us,
        grades,
        marked_only: request.marked_only,
        trusted_only: request.trusted_only,
        windows: convert::ids("units", "windows", &request.windows)?,
        staff_members: convert::ids("staff", "staffMembers", &request.staff_members)?,
        business_types: request.business_types.clone(),
        channels: channels(&request.channels)?,
        templates: convert::ids("templates", "templates", &request.templates)?,
        item,
    })
}

/// Units, sites and staff member to which a list is limited: whoever may read only its own ratings,
/// and whoever asks for just these, gets them wherever they were given.
///
/// # Errors
/// NOT_FOUND for a unit that the caller may not know of, PERMISSION_DENIED for ratings of
/// others.
fn reach(
    caller: &Caller,
    unit: Option<Uuid>,
    tree: listing::Tree,
    staff: Option<Uuid>,
) -> Result<(Limits, Option<Uuid>)> {
    let (visible, own) = (caller.visible()?, caller.own_staff()?);
    let only_own = visible.is_none();
    if !only_own && (own.is_none() || staff != own) {
        return Ok((listing::limits(caller, unit, tree)?, staff));
    }
    if own.is_none() || staff.is_some_and(|staff| Some(staff) != own) {
        return Err(ServiceError::denied());
    }
    let Some(unit) = unit else { return Ok((Limits { units: None, placed: None }, own)) };
    if caller.permissions_on(unit)?.is_empty() {
        return Err(ServiceError::not_found("unit"));
    }
    let view = visible.view();
    let placed = listing::placed(view, unit, tree);
    let units = placed.is_none().then(|| view.subtree(unit));
    Ok((Limits { units, placed }, own))
}

fn channels(given: &[i32]) -> Result<Vec<i16>> {
    let known = |number: i32| {
        i16::try_from(number).ok().filter(|number| Channel::from_number(*number).is_some())
    };
    let channel = |(index, number): (usize, &i32)| {
        let field = || format!("channels[{index}]");
        known(*number).ok_or_else(|| ServiceError::invalid(field(), "is no channel"))
    };
    given.iter().enumerate().map(channel).collect()
}

/// Which grades of which templates count as bad.
async fn bad_grades(app: &App, org: Uuid) -> Result<Vec<(Uuid, Vec<i32>)>> {
    let bad = |template: &Template| {
        let scale = template.scale_min..=template.scale_max;
        (template.id, scale.filter(|grade| template.is_bad(*grade)).collect())
    };
    Ok(templates(app, org).await?.iter().map(bad).collect())
}

/// An item by its code, and of which templates it is the overall one.
async fn item(app: &App, org: Uuid, code: &str) -> Result<Item> {
    let templates = templates(app, org).await?;
    let overall = |template: &&Template| template.items.first().is_some_and(|i| i.code == code);
    let overall_of = templates.iter().filter(overall).map(|template| template.id).collect();
    Ok(Item { code: code.to_owned(), overall_of })
}

/// All templates of an organisation.
async fn templates(app: &App, org: Uuid) -> Result<Vec<Template>> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page =
            store::template::list(app.db.read(), org, true, before, page::PAGE_SIZE_MAX).await?;
        before = page.last().map(|template| (template.create_us, template.id));
        let is_last = (page.len() as u64) < page::PAGE_SIZE_MAX;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}
