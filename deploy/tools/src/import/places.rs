//! Units and staff that lines name: found among those of the organisation, or created.

use std::collections::HashMap;

use proto::{
    auth::v1::{
        CreateStaffRequest, CreateUnitRequest, Staff, Unit, UnitKind,
        staff_service_client::StaffServiceClient, unit_service_client::UnitServiceClient,
    },
    device::v1::{
        CreateDeviceRequest, Device, DeviceKind, device_service_client::DeviceServiceClient,
    },
};
use tonic::Code;

use super::{mapping::Values, refuse, row::RowError};
use crate::{
    client::{Client, lists},
    error::{Error, Result},
};

/// Where a rating belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `units/u_…`.
    pub unit: String,
    /// `staff/s_…`, or empty.
    pub staff: String,
}

/// What is known of the organisation.
pub struct Places {
    client: Client,
    units: Vec<Unit>,
    /// Names by what lines call them: name, code or display name.
    found_units: HashMap<String, String>,
    staff: HashMap<String, String>,
    create_under: Option<String>,
    create_kind: UnitKind,
    create_staff: bool,
}

/// What a line's text leads to.
enum Found {
    One(String),
    None,
    Several,
}

impl Places {
    /// Reads units and staff. With `create_under`, units are looked for and created there.
    pub async fn load(
        client: Client,
        create_under: Option<&str>,
        create_kind: UnitKind,
        create_staff: bool,
    ) -> Result<Self> {
        let units = lists::units(&client, "").await?;
        let staff = lists::staff(&client, "").await?;
        let staff = staff.into_iter().map(|s| (s.staff_number, s.name)).collect();
        let mut this = Self {
            client,
            units,
            found_units: HashMap::new(),
            staff,
            create_under: None,
            create_kind,
            create_staff,
        };
        if let Some(under) = create_under {
            this.create_under = Some(this.existing_unit(under)?);
        }
        Ok(this)
    }

    /// The unit that an option names; it must exist.
    pub fn existing_unit(&self, text: &str) -> Result<String> {
        match self.find(text, None) {
            Found::One(name) => Ok(name),
            Found::None => Err(Error::Usage(format!("there is no unit {text}"))),
            Found::Several => {
                Err(Error::Usage(format!("several units are called {text}: give units/u_…")))
            }
        }
    }

    /// Looks for a unit by name, then code, then display name.
    fn find(&self, text: &str, below: Option<&str>) -> Found {
        let visible = |u: &&Unit| {
            let inside = |top: &str| u.parent == top || u.path.iter().any(|above| above == top);
            below.is_none_or(inside)
        };
        for matches in [
            (|u: &Unit, text: &str| u.name == text) as fn(&Unit, &str) -> bool,
            |u, text| !u.code.is_empty() && u.code == text,
            |u, text| u.display_name == text,
        ] {
            let mut found = self.units.iter().filter(visible).filter(|u| matches(u, text));
            match (found.next(), found.next()) {
                (Some(unit), None) => return Found::One(unit.name.clone()),
                (Some(_), Some(_)) => return Found::Several,
                (None, _) => {}
            }
        }
        Found::None
    }

    /// The import device of this name, created if need be.
    pub async fn import_device(&self, display_name: &str) -> Result<String> {
        let devices = lists::devices(&self.client, "").await?;
        let import = |d: &&Device| d.kind() == DeviceKind::Import && d.display_name == display_name;
        if let Some(device) = devices.iter().find(import) {
            return Ok(device.name.clone());
        }
        let top = self.units.iter().find(|u| u.parent.is_empty()).or(self.units.first());
        let top = top.map(|u| u.name.clone());
        let unit = self.create_under.clone().or(top);
        let unit = unit.ok_or_else(|| Error::Usage("you see no unit to import into".into()))?;
        let device = Device {
            display_name: display_name.to_owned(),
            kind: DeviceKind::Import as i32,
            unit,
            ..Device::default()
        };
        let message = CreateDeviceRequest { device: Some(device), request_id: request_id() };
        let answer = self
            .client
            .call("creating the import device", message, |chan, request| async move {
                DeviceServiceClient::new(chan).create_device(request).await
            })
            .await?;
        Ok(answer.device.unwrap_or_default().name)
    }

    /// Where a line belongs. The outer error ends the import, the inner one concerns the line.
    pub async fn resolve(
        &mut self,
        values: &Values,
        fixed_unit: Option<&str>,
    ) -> Result<std::result::Result<Place, RowError>> {
        let unit = match (values.unit.as_str(), fixed_unit) {
            ("", Some(fixed)) => fixed.to_owned(),
            ("", None) => return Ok(Err(refuse("unit", "is missing"))),
            (text, _) => match self.unit(text).await? {
                Ok(unit) => unit,
                Err(error) => return Ok(Err(error)),
            },
        };
        if values.staff.is_empty() {
            return Ok(Ok(Place { unit, staff: String::new() }));
        }
        let staff = self.staff(&values.staff, &unit).await?;
        Ok(staff.map(|staff| Place { unit, staff }))
    }

    async fn unit(&mut self, text: &str) -> Result<std::result::Result<String, RowError>> {
        if let Some(name) = self.found_units.get(text) {
            return Ok(Ok(name.clone()));
        }
        let name = match (self.find(text, self.create_under.as_deref()), &self.create_under) {
            (Found::One(name), _) => name,
            (Found::Several, _) => {
                let error = format!("several units are called {text}");
                return Ok(Err(refuse("unit", error)));
            }
            (Found::None, None) => {
                let error = format!("there is no unit {text}; see --create-units-under");
                return Ok(Err(refuse("unit", error)));
            }
            (Found::None, Some(parent)) => {
                let parent = parent.clone();
                match self.create_unit(text, &parent).await {
                    Ok(name) => name,
                    Err(error) => return about_line("unit", error),
                }
            }
        };
        self.found_units.insert(text.to_owned(), name.clone());
        Ok(Ok(name))
    }

    async fn create_unit(&mut self, text: &str, parent: &str) -> Result<String> {
        let unit = Unit {
            parent: parent.to_owned(),
            kind: self.create_kind as i32,
            display_name: text.to_owned(),
            ..Unit::default()
        };
        let message = CreateUnitRequest { unit: Some(unit), request_id: request_id() };
        let unit = self
            .client
            .call(&format!("creating unit {text}"), message, |chan, request| async move {
                UnitServiceClient::new(chan).create_unit(request).await
            })
            .await?;
        let name = unit.name.clone();
        self.units.push(unit);
        Ok(name)
    }

    async fn staff(
        &mut self,
        number: &str,
        unit: &str,
    ) -> Result<std::result::Result<String, RowError>> {
        if let Some(name) = self.staff.get(number) {
            return Ok(Ok(name.clone()));
        }
        if self.staff.values().any(|name| name == number) {
            return Ok(Ok(number.to_owned()));
        }
        if !self.create_staff {
            let error = format!("there is no staff number {number}; see --create-staff");
            return Ok(Err(refuse("staff", error)));
        }
        let staff = Staff {
            staff_number: number.to_owned(),
            display_name: number.to_owned(),
            unit: unit.to_owned(),
            ..Staff::default()
        };
        let message = CreateStaffRequest { staff: Some(staff), request_id: request_id() };
        let what = format!("creating staff {number}");
        let created = self.client.call(&what, message, |chan, request| async move {
            StaffServiceClient::new(chan).create_staff(request).await
        });
        match created.await {
            Ok(staff) => {
                self.staff.insert(number.to_owned(), staff.name.clone());
                Ok(Ok(staff.name))
            }
            Err(error) => about_line("staff", error),
        }
    }
}

/// A value that the suite refuses concerns the line; everything else ends the import.
fn about_line(field: &str, error: Error) -> Result<std::result::Result<String, RowError>> {
    if error.is_code(Code::InvalidArgument) || error.is_code(Code::AlreadyExists) {
        return Ok(Err(refuse(field, error.to_string())));
    }
    Err(error)
}

fn request_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
