//! Which method a path leads to. Paths are compared as they were sent; only what a variable
//! takes is decoded, once, so that no encoding leads to another route.

use std::{collections::HashMap, sync::Arc};

use http::Method as Verb;
use kit::error::{Result, ServiceError};
use proto::methods::{self, HttpBinding, Method};

use super::template::{self, Segment, Template};
use crate::{is_public, transcode::percent};

/// One way to reach a method over HTTP.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: &'static Method,
    /// Verb, template and body.
    pub binding: &'static HttpBinding,
    /// The parsed template.
    pub template: Template,
}

/// All routes. Made once for the life of the process.
pub struct Routes {
    all: Vec<&'static Route>,
    root: Node,
}

/// Where a path leads.
pub enum Match {
    /// To a method; with the text of each variable.
    Found(&'static Route, Vec<String>),
    /// Nowhere.
    NoPath,
    /// To methods of other verbs.
    WrongVerb(Vec<&'static str>),
}

#[derive(Default)]
struct Node {
    literals: HashMap<String, Node>,
    one: Option<Box<Node>>,
    rest: Vec<&'static Route>,
    ends: Vec<&'static Route>,
}

impl Routes {
    /// The routes of all methods that are public.
    ///
    /// # Errors
    /// INTERNAL when a template cannot be read.
    pub fn of_contract() -> Result<Self> {
        let mut methods: Vec<&'static Arc<Method>> =
            methods::table().values().filter(|method| is_public(method)).collect();
        methods.sort_by(|a, b| a.path.cmp(&b.path));
        let mut routes = Self { all: Vec::new(), root: Node::default() };
        for method in methods {
            for binding in &method.http {
                let template =
                    template::parse(&binding.template).map_err(ServiceError::internal)?;
                routes.add(leak(Route { method, binding, template }));
            }
        }
        Ok(routes)
    }

    /// All routes, in the order of their methods' names.
    pub fn all(&self) -> &[&'static Route] {
        &self.all
    }

    fn add(&mut self, route: &'static Route) {
        let mut node = &mut self.root;
        for segment in &route.template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::One => node.one.get_or_insert_default(),
                Segment::Rest => {
                    node.rest.push(route);
                    self.all.push(route);
                    return;
                }
            };
        }
        node.ends.push(route);
        self.all.push(route);
    }

    /// The route of a path as it was sent.
    pub fn find(&self, verb: &Verb, path: &str) -> Match {
        let Some(path) = path.strip_prefix('/') else { return Match::NoPath };
        let (path, custom) = match path.rsplit_once(':') {
            Some((_, "")) => return Match::NoPath,
            Some((before, custom)) if !custom.contains('/') => (before, custom),
            _ => (path, ""),
        };
        let segments: Vec<&str> = path.split('/').collect();
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Match::NoPath;
        }
        let mut found = Vec::new();
        collect(&self.root, &segments, &mut found);
        found.retain(|route| route.template.verb == custom);
        if found.is_empty() {
            return Match::NoPath;
        }
        let Some(route) = found.iter().find(|route| route.binding.verb == verb.as_str()) else {
            let mut allow: Vec<&'static str> =
                found.iter().map(|route| route.binding.verb.as_str()).collect();
            allow.sort_unstable();
            allow.dedup();
            return Match::WrongVerb(allow);
        };
        match captures(&route.template, &segments) {
            Some(captures) => Match::Found(route, captures),
            None => Match::NoPath,
        }
    }
}

/// Routes live as long as the process, so that calls can hold them without counting.
fn leak(route: Route) -> &'static Route {
    Box::leak(Box::new(route))
}

/// All routes of a path, the most literal ones first.
fn collect(node: &Node, segments: &[&str], found: &mut Vec<&'static Route>) {
    let Some((first, rest)) = segments.split_first() else {
        found.extend(&node.ends);
        return;
    };
    if let Some(next) = node.literals.get(*first) {
        collect(next, rest, found);
    }
    if let Some(next) = &node.one {
        collect(next, rest, found);
    }
    found.extend(&node.rest);
}

/// The text of each variable; `None` when a part is not decodable or would be a path itself.
fn captures(template: &Template, segments: &[&str]) -> Option<Vec<String>> {
    let mut texts = Vec::with_capacity(template.variables.len());
    for variable in &template.variables {
        let to = if template.segments[variable.to - 1] == Segment::Rest {
            segments.len()
        } else {
            variable.to
        };
        let parts = segments.get(variable.from..to)?.iter();
        let parts: Option<Vec<String>> = parts.map(|part| percent::segment(part)).collect();
        texts.push(parts?.join("/"));
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(verb: Verb, path: &str) -> String {
        match Routes::of_contract().unwrap().find(&verb, path) {
            Match::Found(route, captures) => {
                let name = route.method.descriptor.name().to_owned();
                if captures.is_empty() { name } else { format!("{name} {}", captures.join(",")) }
            }
            Match::NoPath => "nowhere".to_owned(),
            Match::WrongVerb(allow) => format!("only {}", allow.join(",")),
        }
    }

    #[test]
    fn paths_lead_to_methods() {
        assert_eq!(find(Verb::GET, "/v1/units"), "ListUnits");
        assert_eq!(find(Verb::POST, "/v1/units"), "CreateUnit");
        assert_eq!(find(Verb::GET, "/v1/units/u_1"), "GetUnit units/u_1");
        assert_eq!(find(Verb::PATCH, "/v1/units/u_1"), "UpdateUnit units/u_1");
        assert_eq!(find(Verb::POST, "/v1/units/u_1:move"), "MoveUnit units/u_1");
        assert_eq!(find(Verb::POST, "/v1/devices:enroll"), "EnrollDevice");
        assert_eq!(find(Verb::GET, "/v1/devices/d_1/assignments"), "ListAssignments devices/d_1");
        assert_eq!(find(Verb::GET, "/.well-known/jwks.json"), "GetJwks");
        assert_eq!(find(Verb::GET, "/v1/units/%20x"), "GetUnit units/ x");
        assert_eq!(find(Verb::GET, "/v1/units/a%252eb"), "GetUnit units/a%2eb");
        assert_eq!(find(Verb::GET, "/v1/units/u_1;x=1"), "GetUnit units/u_1;x=1");
    }

    #[test]
    fn other_verbs_are_told_what_is_allowed() {
        assert_eq!(find(Verb::DELETE, "/v1/units"), "only GET,POST");
        assert_eq!(find(Verb::GET, "/v1/units/u_1:move"), "only POST");
        assert_eq!(find(Verb::OPTIONS, "/v1/units/u_1"), "only GET,PATCH");
    }

    #[test]
    fn no_spelling_leads_to_another_route() {
        for path in [
            "/",
            "/v2/units",
            "/v1/units/",
            "/v1//units",
            "/v1/./units",
            "/v1/units/..",
            "/v1/units/../staff",
            "/v1/units/%2e%2e",
            "/v1/units/a%2Fb",
            "/v1/units/a%5Cb",
            "/v1/units/a%00",
            "/v1/units/%c0%af",
            "/v1/units/%",
            "/v1/units/%zz",
            "/v1/%75nits",
            "/V1/units",
            "/v1/units;x=1",
            "/v1/units/u_1:explode",
            "/v1/units:",
            "/v1/feeds/auth",
            "/v1/feeds/device:watch",
            "/v1/clients:issueDevice",
        ] {
            assert_eq!(find(Verb::GET, path), "nowhere", "{path}");
        }
    }
}
