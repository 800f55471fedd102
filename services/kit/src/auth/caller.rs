//! The caller of a request, as handlers see it.

use std::{sync::Arc, time::Duration};

use proto::{
    common::v1::{Kind, Permission, Reason},
    methods::Method,
    validate::{Validate, Violation, violations},
};
use tonic::{Code, Request};
use uuid::Uuid;

use super::Verified;
use crate::{
    clock::SharedClock,
    directory::{Directory, OrgView, PermissionSet, Subject, unknown_organisation},
    error::{Result, ServiceError},
};

/// When the callers of a suspended organisation should try again.
const SUSPENDED_RETRY: Duration = Duration::from_secs(60);

/// Who calls, with the rule of the method that is called. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    /// Organisation; nil for anonymous and internal callers.
    pub org: Uuid,
    /// Who.
    pub subject: Subject,
    /// Kind of caller; unspecified for anonymous ones.
    pub kind: Kind,
    /// Device of a device client.
    pub device: Option<Uuid>,
    /// Session of a user.
    pub session: Option<Uuid>,
    /// The method that is called.
    pub method: Arc<Method>,
    scopes: Option<PermissionSet>,
    expire_s: i64,
    directory: Directory,
    clock: SharedClock,
}

impl Caller {
    pub(super) fn new(
        verified: Option<&Verified>,
        method: Arc<Method>,
        directory: Directory,
        clock: SharedClock,
    ) -> Self {
        match verified {
            Some(v) => Self {
                org: v.org,
                subject: v.subject,
                kind: v.kind,
                device: v.device,
                session: v.session,
                scopes: v.scopes,
                expire_s: v.expire_s,
                method,
                directory,
                clock,
            },
            None => Self {
                org: Uuid::nil(),
                subject: Subject::Anonymous,
                kind: Kind::Unspecified,
                device: None,
                session: None,
                scopes: None,
                expire_s: i64::MAX,
                method,
                directory,
                clock,
            },
        }
    }

    /// The caller's organisation as it is now.
    pub fn view(&self) -> Result<Arc<OrgView>> {
        self.directory.organisation(self.org).ok_or_else(unknown_organisation)
    }

    /// The directory, for callers without organisation.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// As printed in the audit record.
    pub fn name(&self) -> String {
        self.subject.name()
    }

    /// Whether it is another service or the operator.
    pub fn is_internal(&self) -> bool {
        matches!(self.subject, Subject::Internal | Subject::Operator)
    }

    /// Checks the rule's permission on a unit.
    ///
    /// # Errors
    /// NOT_FOUND when the unit is outside of everything that the caller may know of,
    /// PERMISSION_DENIED when it is known and not allowed.
    pub fn authorize(&self, unit: Uuid) -> Result<()> {
        self.authorize_for(self.method.permission(), unit)
    }

    /// Checks any permission on a unit; errors as [`Self::authorize`].
    pub fn authorize_for(&self, permission: Permission, unit: Uuid) -> Result<()> {
        if self.is_internal() {
            return Ok(());
        }
        let view = self.view()?;
        let held = self.limited(view.permissions(self.subject, unit));
        if held.contains(permission) {
            Ok(())
        } else if held.is_empty() || view.unit(unit).is_none() {
            Err(ServiceError::not_found("unit"))
        } else {
            Err(ServiceError::denied())
        }
    }

    /// Checks the rule's permission on the unit of an object, such as a `device`.
    ///
    /// # Errors
    /// NOT_FOUND, the same as if the object did not exist, when the unit is outside of
    /// everything that the caller may know of; PERMISSION_DENIED when it is known.
    pub fn authorize_object(&self, unit: Uuid, what: &str) -> Result<()> {
        self.authorize_object_for(self.method.permission(), unit, what)
    }

    /// Checks any permission on the unit of an object; errors as [`Self::authorize_object`].
    pub fn authorize_object_for(&self, held: Permission, unit: Uuid, what: &str) -> Result<()> {
        self.authorize_for(held, unit).map_err(|error| match error.code() {
            Code::NotFound => ServiceError::not_found(what),
            _ => error,
        })
    }

    /// Whether a permission is held on a unit.
    pub fn may(&self, permission: Permission, unit: Uuid) -> bool {
        self.authorize_for(permission, unit).is_ok()
    }

    /// Checks the rule's permission on the whole organisation.
    pub fn authorize_organisation(&self) -> Result<()> {
        if self.is_internal() {
            return Ok(());
        }
        let root = self.view()?.root().ok_or_else(unknown_organisation)?;
        self.authorize(root).map_err(|_| ServiceError::denied())
    }

    /// Units where the rule's permission is held.
    pub fn visible(&self) -> Result<Visible> {
        self.visible_for(self.method.permission())
    }

    /// Units where any permission is held.
    pub fn visible_for(&self, permission: Permission) -> Result<Visible> {
        let view = self.view()?;
        let allowed = self.scopes.is_none_or(|scopes| scopes.contains(permission));
        let roots = if allowed { view.roots_with(self.subject, permission) } else { Vec::new() };
        Ok(Visible { view, roots })
    }

    /// Permissions on a unit, as limited by the token.
    pub fn permissions_on(&self, unit: Uuid) -> Result<PermissionSet> {
        Ok(self.limited(self.view()?.permissions(self.subject, unit)))
    }

    /// Checks again what may have changed since the call began: for long streams.
    ///
    /// # Errors
    /// UNAUTHENTICATED when the token has expired or was revoked, PERMISSION_DENIED when the
    /// permission is gone.
    pub fn recheck(&self) -> Result<()> {
        if self.clock.now_us() / 1_000_000 >= self.expire_s {
            let text = "the token has expired";
            return Err(ServiceError::unauthenticated(Reason::TokenExpired, text));
        }
        self.check_standing()
    }

    /// The staff member that the caller is, if the rule opens the call for a person's own
    /// records and the caller may see them.
    pub fn own_staff(&self) -> Result<Option<Uuid>> {
        let permission = self.method.own_permission();
        let Subject::User(user) = self.subject else { return Ok(None) };
        if permission == Permission::Unspecified || self.visible_for(permission)?.is_none() {
            return Ok(None);
        }
        Ok(self.view()?.staff_of_user(user).map(|staff| staff.id))
    }

    /// Neither revoked nor without the rule's permission, and of an organisation in service.
    pub(super) fn check_standing(&self) -> Result<()> {
        if self.is_internal() || self.subject == Subject::Anonymous {
            return Ok(());
        }
        let view = self.view()?;
        if view.is_revoked(self.subject, self.session) {
            let text = "the credential was revoked";
            return Err(ServiceError::unauthenticated(Reason::Revoked, text));
        }
        if view.suspended {
            return Err(suspended());
        }
        let permission = self.method.permission();
        if permission == Permission::Unspecified || !self.visible_for(permission)?.is_none() {
            return Ok(());
        }
        match self.own_staff()? {
            Some(_) => Ok(()),
            None => Err(ServiceError::denied()),
        }
    }

    fn limited(&self, held: PermissionSet) -> PermissionSet {
        self.scopes.map_or(held, |scopes| held.intersection(scopes))
    }
}

/// The error for everybody of an organisation that the operator suspended. Nothing is lost by
/// waiting: a bridge keeps its buffer and tries again.
pub fn suspended() -> ServiceError {
    let text = "the organisation is suspended; its data are kept";
    let reason = Reason::OrganisationSuspended;
    ServiceError::new(Code::FailedPrecondition, reason, text).with_retry_after(SUSPENDED_RETRY)
}

/// Units that a caller may see for one permission.
pub struct Visible {
    view: Arc<OrgView>,
    roots: Vec<Uuid>,
}

impl Visible {
    /// Whether a unit is among them.
    pub fn contains(&self, unit: Uuid) -> bool {
        self.view.upward(unit).any(|above| self.roots.contains(&above))
    }

    /// Whether it is the whole organisation.
    pub fn is_all(&self) -> bool {
        self.view.root().is_some_and(|root| self.roots.contains(&root))
    }

    /// Tops of the subtrees that they make up.
    pub fn roots(&self) -> &[Uuid] {
        &self.roots
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.roots.is_empty()
    }

    /// The units, each once.
    pub fn units(&self) -> Vec<Uuid> {
        let mut units: Vec<Uuid> =
            self.roots.iter().flat_map(|root| self.view.subtree(*root)).collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// The organisation they are in.
    pub fn view(&self) -> &Arc<OrgView> {
        &self.view
    }

    /// Units to show when the caller asks for `unit` and what is below it, or for everything.
    /// `None` means the whole organisation, so that no list of units is needed.
    ///
    /// # Errors
    /// NOT_FOUND when `unit` is named and not visible.
    pub fn narrowed(&self, unit: Option<Uuid>) -> Result<Option<Vec<Uuid>>> {
        match unit {
            None if self.is_all() => Ok(None),
            None => Ok(Some(self.units())),
            Some(unit) if self.contains(unit) => {
                let all = self.view.root() == Some(unit);
                Ok((!all).then(|| self.view.subtree(unit)))
            }
            Some(_) => Err(ServiceError::not_found("unit")),
        }
    }
}

/// The caller that the access layer found.
pub fn caller<T>(request: &Request<T>) -> Result<Caller> {
    let found = request.extensions().get::<Caller>().cloned();
    found.ok_or_else(|| ServiceError::internal("a handler was reached without the access layer"))
}

/// Caller and message of a request, the message checked against its declared limits: the
/// first line of every handler.
pub fn open_request<T: Validate>(request: Request<T>) -> Result<(Caller, T)> {
    open_checked(request, |_| true)
}

/// As [`open_request`], for a change of the request's field `resource`: what a new one needs
/// may be left out, since it stays as it is.
pub fn open_change<T: Validate>(request: Request<T>, resource: &str) -> Result<(Caller, T)> {
    let inside = format!("{resource}.");
    open_checked(request, |violation| {
        !(violation.field.starts_with(&inside) && violation.is_missing())
    })
}

fn open_checked<T: Validate>(
    request: Request<T>,
    counts: impl Fn(&Violation) -> bool,
) -> Result<(Caller, T)> {
    let caller = caller(&request)?;
    let message = request.into_inner();
    let mut found = violations(&message);
    found.retain(counts);
    if found.is_empty() { Ok((caller, message)) } else { Err(ServiceError::invalid_fields(found)) }
}
