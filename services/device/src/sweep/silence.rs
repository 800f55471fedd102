//! Counting silence: services whose customer was asked and said nothing for N working days.

use device_domain::{encounter::Encounter, policy::Policy, workday};
use kit::{directory::OrgView, error::Result};

use crate::{encounters, state::App, store};

/// Encounters of one transaction.
const BATCH: u64 = 500;
const DAY_US: i64 = 86_400 * 1_000_000;

/// Counts the silence that is due in all organisations; how many services it concerned.
pub async fn count_all(app: &App) -> Result<usize> {
    let mut count = 0;
    for org in app.directory.organisations() {
        let policy = app.policies.of(org).await?;
        let view = app.directory.organisation(org);
        if policy.default_after_working_days > 0
            && let Some(view) = view
        {
            count += count_of(app, &view, &policy).await?;
        }
    }
    Ok(count)
}

async fn count_of(app: &App, view: &OrgView, policy: &Policy) -> Result<usize> {
    let now_us = app.clock.now_us();
    let days = i64::from(policy.default_after_working_days);
    // Working days are at least as long as days, so younger ones need no look at all.
    let before_us = now_us - days * DAY_US;
    let (mut after, mut count) = (None, 0);
    loop {
        let conn = app.db.read();
        let page = store::encounter::silent(conn, view.id, before_us, after, BATCH).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some((last.prompt_us.unwrap_or_default(), last.id));
        let mut due: Vec<(Encounter, i64)> = page
            .into_iter()
            .filter_map(|encounter| {
                let due_us = due_us(&encounter, view, policy)?;
                (due_us <= now_us).then_some((encounter, due_us))
            })
            .collect();
        if !due.is_empty() {
            count += encounters::count_silence(app, view.id, &mut due).await?;
        }
    }
}

/// When the silence counts: the working days run from the later of end of service and prompt.
fn due_us(encounter: &Encounter, view: &OrgView, policy: &Policy) -> Option<i64> {
    let from_us = encounter.finish_us.max(encounter.prompt_us)?;
    let zone = view.time_zone_at(encounter.window, encounter.time_us());
    workday::passed_us(from_us, policy.default_after_working_days, &zone, policy)
}
