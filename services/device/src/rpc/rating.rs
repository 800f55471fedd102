//! Ratings: taking them in, and reading them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use device_domain::{rating_stored::Rating, template::Template};
use kit::{
    auth::{Caller, open_request},
    error::{Result, ServiceError},
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
    tree::{self, Limits},
};
use crate::{
    convert,
    ingest::Ingest,
    state::App,
    store::{self, rating::Filter},
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
    let key = format!(
        "ratings|{}|{}|{}|{:?}|{}|{:?}|{:?}|{}|{}",
        caller.org,
        request.unit,
        request.tree,
        filter.staff,
        request.device,
        filter.from_us,
        filter.to_us,
        request.bad_only,
        request.marked_only
    );
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
    let (Limits { units, placed }, staff) = reach(caller, unit, request.tree(), staff)?;
    Ok(Filter {
        units,
        placed,
        staff,
        device: convert::id_opt("devices", "device", &request.device)?,
        from_us,
        to_us,
        grades,
        marked_only: request.marked_only,
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
    tree: v1::Tree,
    staff: Option<Uuid>,
) -> Result<(Limits, Option<Uuid>)> {
    let (visible, own) = (caller.visible()?, caller.own_staff()?);
    let only_own = visible.is_none();
    if !only_own && (own.is_none() || staff != own) {
        return Ok((tree::limits(caller, unit, tree)?, staff));
    }
    if own.is_none() || staff.is_some_and(|staff| Some(staff) != own) {
        return Err(ServiceError::denied());
    }
    let Some(unit) = unit else { return Ok((Limits { units: None, placed: None }, own)) };
    if caller.permissions_on(unit)?.is_empty() {
        return Err(ServiceError::not_found("unit"));
    }
    let view = visible.view();
    let placed = tree::placed(view, unit, tree);
    let units = placed.is_none().then(|| view.subtree(unit));
    Ok((Limits { units, placed }, own))
}

/// Which grades of which templates count as bad.
async fn bad_grades(app: &App, org: Uuid) -> Result<Vec<(Uuid, Vec<i32>)>> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page =
            store::template::list(app.db.read(), org, true, before, page::PAGE_SIZE_MAX).await?;
        before = page.last().map(|template| (template.create_us, template.id));
        for template in &page {
            let scale = template.scale_min..=template.scale_max;
            let bad: Vec<i32> = scale.filter(|grade| template.is_bad(*grade)).collect();
            found.push((template.id, bad));
        }
        if (page.len() as u64) < page::PAGE_SIZE_MAX {
            return Ok(found);
        }
    }
}
