//! What belongs to a unit in a list, by the tree that the caller names.

use proto::auth::v1::UnitKind;
use uuid::Uuid;

use crate::{auth::Caller, db::placed::Placed, directory::OrgView, error::Result};

/// Which tree decides what belongs to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    /// Whatever is of the units that stand below it now, windows by themselves.
    Unspecified,
    /// As it was at the time of each row.
    AsOfService,
    /// As it is now, of the site of each row.
    Present,
}

/// Where a list looks.
#[derive(Debug)]
pub struct Limits {
    /// Only at these units, if there is a list.
    pub units: Option<Vec<Uuid>>,
    /// Only what belongs to a unit by a tree.
    pub placed: Option<Placed>,
}

/// Limits a list to what the caller sees, and to what belongs to `unit` by `tree`.
///
/// # Errors
/// NOT_FOUND for a unit that the caller may not know of.
pub fn limits(caller: &Caller, unit: Option<Uuid>, tree: Tree) -> Result<Limits> {
    let visible = caller.visible()?;
    let units = visible.narrowed(unit)?;
    let placed = unit.and_then(|unit| placed(visible.view(), unit, tree));
    // What has left the unit since stands elsewhere, and may have to be hidden there.
    let units = if placed.is_some() { visible.narrowed(None)? } else { units };
    Ok(Limits { units, placed })
}

/// Sites that count for `unit`; `None` where its own id, or that of the organisation, says it.
pub fn placed(view: &OrgView, unit: Uuid, tree: Tree) -> Option<Placed> {
    let is_window = |id: Uuid| view.unit(id).is_some_and(|unit| unit.kind == UnitKind::Window);
    if is_window(unit) || view.root() == Some(unit) {
        return None;
    }
    let mut placed = Placed::default();
    match tree {
        Tree::Unspecified => return None,
        Tree::Present => placed.always = view.subtree(unit),
        Tree::AsOfService => {
            for site in view.units().filter(|site| site.kind != UnitKind::Window) {
                match view.times_within(site.id, unit).as_slice() {
                    [(0, i64::MAX)] => placed.always.push(site.id),
                    times => placed.at_times.extend(times.iter().map(|t| (site.id, t.0, t.1))),
                }
            }
        }
    }
    Some(placed)
}
