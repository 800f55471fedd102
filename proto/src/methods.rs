//! One table of all RPCs with access rule and HTTP bindings, read from the descriptors.
//! The access layer, the gateway, the OpenAPI document and the tests share it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};

use crate::common::v1::{Audit, Cost, Idempotency, Kind, Permission, Rule, Scope};

/// One RPC.
#[derive(Debug)]
pub struct Method {
    /// gRPC path, such as `/manyi.auth.v1.UnitService/CreateUnit`.
    pub path: String,
    /// Package, such as `manyi.auth.v1`.
    pub package: String,
    /// Its access rule.
    pub rule: Rule,
    /// Its HTTP bindings; at least one.
    pub http: Vec<HttpBinding>,
    /// Descriptor, for transcoding and documentation.
    pub descriptor: MethodDescriptor,
}

impl Method {
    /// Permission of the rule.
    pub fn permission(&self) -> Permission {
        self.rule.permission()
    }

    /// Permission that opens the call for the caller's own records; unspecified mostly.
    pub fn own_permission(&self) -> Permission {
        self.rule.own_permission()
    }

    /// Whether this kind of caller may call at all.
    pub fn allows(&self, kind: Kind) -> bool {
        self.rule.kinds.contains(&(kind as i32))
    }

    /// Whether the call changes anything.
    pub fn changes(&self) -> bool {
        self.rule.audit() != Audit::Unspecified
    }

    /// Scope of the rule.
    pub fn scope(&self) -> Scope {
        self.rule.scope()
    }

    /// What makes a repeated call harmless.
    pub fn idempotency(&self) -> Idempotency {
        self.rule.idempotency()
    }

    /// Weight of a call in quotas: 1, 4 or 16.
    pub fn weight(&self) -> u32 {
        match self.rule.cost() {
            Cost::Unspecified | Cost::Cheap => 1,
            Cost::Medium => 4,
            Cost::Dear => 16,
        }
    }
}

/// How an RPC is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpBinding {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub verb: String,
    /// Path template, such as `/v1/{name=units/*}:move`.
    pub template: String,
    /// Field that is the body, `*` for all, empty for none.
    pub body: String,
}

/// All descriptors, custom options included.
pub fn pool() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(crate::DESCRIPTORS).expect("descriptors were checked at build time")
    });
    &POOL
}

/// All RPCs by gRPC path.
pub fn table() -> &'static HashMap<String, Arc<Method>> {
    static TABLE: LazyLock<HashMap<String, Arc<Method>>> = LazyLock::new(|| {
        let services = pool().services().filter(|s| s.package_name().starts_with("manyi."));
        services
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .map(|descriptor| read(&descriptor))
            .map(|method| (method.path.clone(), Arc::new(method)))
            .collect()
    });
    &TABLE
}

fn read(descriptor: &MethodDescriptor) -> Method {
    let service = descriptor.parent_service();
    let options = descriptor.options();
    let rule = extension(&options, "manyi.common.v1.rule")
        .and_then(|rule| rule.transcode_to::<Rule>().ok())
        .expect("each RPC has a rule: checked at build time");
    let http = extension(&options, "google.api.http").map(|h| bindings(&h)).unwrap_or_default();
    Method {
        path: format!("/{}/{}", service.full_name(), descriptor.name()),
        package: service.package_name().to_owned(),
        rule,
        http,
        descriptor: descriptor.clone(),
    }
}

fn extension(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    options
        .extensions()
        .find(|(descriptor, _)| descriptor.full_name() == name)
        .and_then(|(_, value)| value.as_message().cloned())
}

fn bindings(rule: &DynamicMessage) -> Vec<HttpBinding> {
    let text = |name: &str| {
        let value = rule.get_field_by_name(name);
        value.and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let mut found: Vec<HttpBinding> = ["get", "put", "post", "delete", "patch"]
        .into_iter()
        .filter(|verb| !text(verb).is_empty())
        .map(|verb| HttpBinding {
            verb: verb.to_uppercase(),
            template: text(verb),
            body: text("body"),
        })
        .collect();
    if let Some(more) = rule.get_field_by_name("additional_bindings") {
        let inner = more.as_list().unwrap_or_default().iter().filter_map(|v| v.as_message());
        found.extend(inner.flat_map(bindings));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_has_a_route_and_routes_are_unique() {
        let mut seen = HashMap::new();
        for method in table().values() {
            assert!(!method.http.is_empty(), "{}", method.path);
            for binding in &method.http {
                let key = format!("{} {}", binding.verb, binding.template);
                if let Some(other) = seen.insert(key.clone(), &method.path) {
                    panic!("{key} leads to {other} and {}", method.path);
                }
            }
        }
        assert!(seen.len() > 60, "only {} routes were read", seen.len());
    }

    #[test]
    fn rules_survive_the_way_through_the_descriptors() {
        let method = &table()["/manyi.auth.v1.UnitService/MoveUnit"];
        assert_eq!(method.permission(), Permission::OrgEdit);
        assert_eq!(method.scope(), Scope::UnitInRequest);
        assert_eq!(method.http[0].template, "/v1/{name=units/*}:move");
        assert!(method.allows(Kind::User) && !method.allows(Kind::Device));
    }
}
