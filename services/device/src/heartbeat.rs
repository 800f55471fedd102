//! A device's sign of life: takes what it reports, answers what it shall do.

use device_domain::{
    device::{Device, Kind},
    template::Template,
};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{device::v1, names, time};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    convert,
    device_access::{device_of, must_work},
    ingest,
    state::App,
    store::{self, clock::Measured},
};

/// Seconds between heartbeats of a device that has nothing else to say.
const HEARTBEAT_S: i32 = 30;
/// Greatest number that a device may report as its backlog.
const BACKLOG_MAX: i64 = 1_000_000_000;
/// Most messages of one range that a device may report as dropped.
const DROPPED_MAX: i64 = 1_000_000_000;
/// Offset of a clock that is wrong by more than this says nothing.
const OFFSET_US_MAX: i64 = 100 * 366 * 86_400 * 1_000_000;

/// Takes a sign of life in and answers it.
pub async fn beat(
    app: &App,
    caller: &Caller,
    request: &v1::HeartbeatRequest,
) -> Result<v1::HeartbeatResponse> {
    let device = device_of(app, caller, "name", &request.name).await?;
    must_work(&device)?;
    if device.kind == Kind::Import {
        return Err(ServiceError::wrong_state("an import source sends no heartbeats"));
    }
    let window = window_now(app, &device).await?;
    let news = read(app, &device, window, request).await?;
    app.presence.touch(device.org, device.id, app.clock.now_us());
    write(app, &device, request, news).await?;
    let mut answer = standing(app, &device, window).await?;
    answer.config = answer.config.filter(|config| config.etag != request.config_etag);
    answer.acknowledgements =
        ingest::acknowledgements(app.db.read(), device.org, device.id).await?;
    Ok(answer)
}

/// What a device shall do now: its whole configuration and its open prompts, no
/// acknowledgements.
pub async fn standing(
    app: &App,
    device: &Device,
    window: Option<Uuid>,
) -> Result<v1::HeartbeatResponse> {
    let now_us = app.clock.now_us();
    let template = app.templates.shown_by(device.org, device.template).await?;
    let prompts = match window {
        Some(window) => store::prompt::open(app.db.read(), device.org, window, now_us).await?,
        None => Vec::new(),
    };
    let prompt = |prompt: &store::prompt::Prompt| v1::Prompt {
        name: names::print("prompts", prompt.id),
        encounter: names::print("encounters", prompt.encounter),
        expire_time: Some(time::from_us(prompt.expire_us)),
    };
    Ok(v1::HeartbeatResponse {
        server_time: Some(time::from_us(now_us)),
        config: Some(config(device, &template, window)),
        prompts: prompts.iter().map(prompt).collect(),
        acknowledgements: Vec::new(),
    })
}

/// Window at which a device stands.
pub async fn window_now(app: &App, device: &Device) -> Result<Option<Uuid>> {
    store::device::window_at(app.db.read(), device.org, device.id, app.clock.now_us()).await
}

fn config(device: &Device, template: &Template, window: Option<Uuid>) -> v1::DeviceConfig {
    let digest = Sha256::new()
        .chain_update(template.id)
        .chain_update(window.unwrap_or_default())
        .chain_update(HEARTBEAT_S.to_be_bytes())
        .chain_update(&device.language)
        .finalize();
    v1::DeviceConfig {
        etag: digest[..8].iter().map(|byte| format!("{byte:02x}")).collect(),
        template: Some(convert::template::to_proto(template)),
        language: device.language.clone(),
        window: names::print_opt("units", window),
        heartbeat_s: HEARTBEAT_S,
    }
}

/// What a heartbeat tells that is not known.
struct News {
    clock: Option<Measured>,
    done: Vec<Uuid>,
    report: bool,
}

async fn read(
    app: &App,
    device: &Device,
    window: Option<Uuid>,
    request: &v1::HeartbeatRequest,
) -> Result<News> {
    if !(0..=BACKLOG_MAX).contains(&request.backlog) {
        return Err(ServiceError::invalid("backlog", format!("is not 0 to {BACKLOG_MAX}")));
    }
    if !request.dropped.is_empty() && request.epoch < 1 {
        return Err(ServiceError::invalid("epoch", "is less than 1"));
    }
    for (i, range) in request.dropped.iter().enumerate() {
        let upward = range.first >= 1 && range.last >= range.first;
        if !upward || range.last - range.first >= DROPPED_MAX {
            let text = format!("does not count up from 1 or more, by less than {DROPPED_MAX}");
            return Err(ServiceError::invalid(format!("dropped[{i}]"), text));
        }
    }
    let firmware = &request.firmware_version;
    let new_firmware = !firmware.is_empty() && *firmware != device.firmware_version;
    Ok(News {
        clock: clock_of(app, request)?,
        done: done_of(app, device, window, &request.done_prompts).await?,
        report: new_firmware || request.backlog != device.backlog,
    })
}

fn clock_of(app: &App, request: &v1::HeartbeatRequest) -> Result<Option<Measured>> {
    let Some(clock) = &request.clock else { return Ok(None) };
    if clock.monotonic_ms < 0 {
        return Err(ServiceError::invalid("clock.monotonicMs", "is negative"));
    }
    let Some(device_time) = clock.device_time.as_ref().filter(|_| !clock.boot_id.is_empty()) else {
        return Ok(None);
    };
    let now_us = app.clock.now_us();
    let offset_us = now_us.saturating_sub(time::to_us(device_time));
    let boot_us = clock.monotonic_ms.checked_mul(1_000).and_then(|us| now_us.checked_sub(us));
    let measured = Measured {
        boot_id: clock.boot_id.clone(),
        offset_us,
        boot_us: boot_us.filter(|_| clock.monotonic_ms > 0),
        measured_us: now_us,
    };
    Ok((offset_us.unsigned_abs() <= OFFSET_US_MAX.unsigned_abs()).then_some(measured))
}

/// Prompts that the device says are done.
///
/// # Errors
/// NOT_FOUND for prompts that were never its own.
async fn done_of(
    app: &App,
    device: &Device,
    window: Option<Uuid>,
    names: &[String],
) -> Result<Vec<Uuid>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        ids.push(convert::id("prompts", &format!("donePrompts[{i}]"), name)?);
    }
    let found = store::prompt::find(app.db.read(), device.org, &ids).await?;
    // A device that was moved may still report what it showed at its former window.
    let places = store::device::assignments(app.db.read(), device.org, device.id).await?;
    let own = |id: &Uuid| {
        found.iter().any(|prompt| {
            prompt.id == *id
                && (Some(prompt.window) == window
                    || places.iter().any(|place| place.window == prompt.window))
        })
    };
    if ids.iter().all(own) { Ok(ids) } else { Err(ServiceError::not_found("prompt")) }
}

/// Writes what is new; most heartbeats write nothing.
async fn write(
    app: &App,
    device: &Device,
    request: &v1::HeartbeatRequest,
    news: News,
) -> Result<()> {
    let now_us = app.clock.now_us();
    let is_new = |clock: &Measured| {
        app.presence.is_new_clock(device.id, &clock.boot_id, clock.offset_us, now_us)
    };
    let clock = news.clock.filter(is_new);
    let quiet = clock.is_none() && news.done.is_empty() && request.dropped.is_empty();
    if quiet && !news.report {
        return Ok(());
    }
    let (org, id) = (device.org, device.id);
    let tx = app.db.begin().await?;
    if !request.dropped.is_empty() {
        let lost: Vec<(i64, i64)> = request.dropped.iter().map(|r| (r.first, r.last)).collect();
        store::dropped::note(&tx, org, id, request.epoch, &lost, now_us).await?;
        tracing::warn!(device = %id, epoch = request.epoch, ?lost, "messages dropped");
    }
    if let Some(clock) = clock {
        store::clock::measure(tx.conn(), org, id, &clock).await?;
    }
    if news.report {
        let reported = &request.firmware_version;
        let firmware = if reported.is_empty() { &device.firmware_version } else { reported };
        store::device::note_report(tx.conn(), org, id, firmware, request.backlog).await?;
    }
    if !news.done.is_empty() {
        store::prompt::mark_done(tx.conn(), org, &news.done).await?;
    }
    tx.commit().await
}
