//! TargetService: targets per unit and indicator, with their traffic lights.

use std::{collections::BTreeMap, sync::Arc};

use analytics_domain::{
    comparing::proposed_target,
    index::{compute::interval, leaf::Value},
};
use kit::{
    audit,
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{
    analytics::v1::{
        ListTargetsRequest, ListTargetsResponse, ProposeTargetsRequest, ProposeTargetsResponse,
        SetTargetRequest, Target, TrafficLight, target_service_server::TargetService,
    },
    names,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{comparison, definition, index_question};
use crate::{
    measuring::Measuring,
    state::{App, id},
    store::settings::{self, Kind, Setting},
};

/// Most targets of an answer.
const TARGETS_MAX: u64 = 500;
const AMBER_POINTS: f64 = 5.0;
const MINIMUM_N: i64 = 10;

/// The target service.
pub struct TargetHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl TargetService for TargetHandler {
    async fn set_target(&self, request: Request<SetTargetRequest>) -> Answer<Target> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(set(&self.0, &caller, request).await?))
    }

    async fn list_targets(
        &self,
        request: Request<ListTargetsRequest>,
    ) -> Answer<ListTargetsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn propose_targets(
        &self,
        request: Request<ProposeTargetsRequest>,
    ) -> Answer<ProposeTargetsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(propose(&self.0, &caller, &request).await?))
    }
}

/// The same unit and indicator have the same target.
fn target_id(org: Uuid, unit: Uuid, indicator: &str) -> Uuid {
    let digest =
        Sha256::digest([org.as_bytes(), &unit.as_bytes()[..], indicator.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}

async fn set(app: &App, caller: &Caller, request: SetTargetRequest) -> Result<Target> {
    let mut target = request.target.unwrap_or_default();
    let unit = id("units", "target.unit", &target.unit)?;
    caller.authorize(unit)?;
    let leaf = comparison::leaf(target.measure.as_ref(), "target.measure")?;
    if !(0.0..=100.0).contains(&target.value) {
        return Err(ServiceError::invalid("target.value", "is not between 0 and 100"));
    }
    if !(0.0..=100.0).contains(&target.amber_points) {
        return Err(ServiceError::invalid("target.amberPoints", "is not between 0 and 100"));
    }
    if target.amber_points == 0.0 {
        target.amber_points = AMBER_POINTS;
    }
    let target_id = target_id(caller.org, unit, &target.indicator);
    target.name = names::print("targets", target_id);
    target.measure = Some(definition::leaf_to(&leaf));
    (target.present, target.n, target.light) = (None, 0, 0);
    let create_us = app.clock.now_us();
    let body = target.encode_to_vec();
    let setting = Setting { id: target_id, unit, body, create_us };
    let tx = app.db.begin().await?;
    settings::put(tx.conn(), caller.org, Kind::Target, &setting).await?;
    let detail = json!({ "indicator": target.indicator, "value": target.value });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &target.name, Some(unit), detail, clock).await?;
    tx.commit().await?;
    Ok(target)
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &ListTargetsRequest,
) -> Result<ListTargetsResponse> {
    let unit = id("units", "unit", &request.unit)?;
    caller.authorize(unit)?;
    let days = index_question::days(&request.from, &request.to)?;
    let view = caller.view()?;
    let within = view.subtree(unit);
    let units = (view.root() != Some(unit)).then_some(within.as_slice());
    let conn = app.db.read();
    let found = settings::list(conn, caller.org, Kind::Target, units, None, TARGETS_MAX).await?;
    let mut targets: Vec<Target> =
        found.iter().filter_map(|setting| Target::decode(&setting.body[..]).ok()).collect();
    targets.sort_by(|a, b| (&a.unit, &a.indicator).cmp(&(&b.unit, &b.indicator)));
    // Units with the same measure are read at once.
    let mut by_measure: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (place, target) in targets.iter().enumerate() {
        let measure = target.measure.clone().unwrap_or_default().encode_to_vec();
        by_measure.entry(measure).or_default().push(place);
    }
    for places in by_measure.into_values() {
        let mut units: Vec<Uuid> =
            places.iter().filter_map(|p| names::parse("units", &targets[*p].unit)).collect();
        units.sort_unstable();
        units.dedup();
        let leaf = comparison::leaf(targets[places[0]].measure.as_ref(), "measure")?;
        let measuring = Measuring {
            leaf,
            units: units.clone(),
            staff_of: None,
            days,
            by_day: false,
            include_distrusted: false,
        };
        let measured = app.indices.measure(&view, &measuring).await?;
        for place in places {
            let target = &mut targets[place];
            let unit = names::parse("units", &target.unit).unwrap_or_default();
            let Ok(at) = units.binary_search(&unit) else { continue };
            let value = measured.values[at];
            (target.present, target.n) = (value.value, value.n);
            target.light = light(target) as i32;
        }
    }
    Ok(ListTargetsResponse { targets })
}

fn light(target: &Target) -> TrafficLight {
    match target.present {
        Some(present) if target.n >= MINIMUM_N => {
            if present >= target.value {
                TrafficLight::Green
            } else if present >= target.value - target.amber_points {
                TrafficLight::Amber
            } else {
                TrafficLight::Red
            }
        }
        _ => TrafficLight::Unspecified,
    }
}

async fn propose(
    app: &App,
    caller: &Caller,
    request: &ProposeTargetsRequest,
) -> Result<ProposeTargetsResponse> {
    let view = caller.view()?;
    let units = comparison::units_below(caller, &view, &request.below, request.sites)?;
    let leaf = comparison::leaf(request.measure.as_ref(), "measure")?;
    let measuring = Measuring {
        leaf,
        units,
        staff_of: None,
        days: index_question::days(&request.from, &request.to)?,
        by_day: false,
        include_distrusted: false,
    };
    let measured = app.indices.measure(&view, &measuring).await?;
    let known: Vec<_> = measuring
        .units
        .iter()
        .zip(&measured.values)
        .filter(|(_, value)| value.n >= MINIMUM_N)
        .filter_map(|(unit, value)| Some((*unit, value, value.value?)))
        .collect();
    let levels: Vec<f64> = known.iter().map(|(_, _, level)| *level).collect();
    let measure = definition::leaf_to(&measuring.leaf);
    let target = |(unit, value, level): &(Uuid, &Value, f64)| {
        let upper = interval(value, 0.95).map_or(*level, |(_, high)| high);
        Target {
            unit: names::print("units", *unit),
            indicator: request.indicator.clone(),
            measure: Some(measure.clone()),
            value: (proposed_target(*level, upper, &levels) * 10.0).round() / 10.0,
            amber_points: AMBER_POINTS,
            present: Some(*level),
            n: value.n,
            ..Default::default()
        }
    };
    Ok(ProposeTargetsResponse { targets: known.iter().map(target).collect() })
}
