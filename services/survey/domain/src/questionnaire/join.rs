//! Which versions of a questionnaire can be counted together, item by item, and why not others.

use std::collections::BTreeSet;

use super::{
    Definition, Version,
    item::{Item, items},
};

/// What may change about an item. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added = 1,
    /// It is gone.
    Removed = 2,
    /// Another type of question.
    Type = 3,
    /// Another scale.
    Scale = 4,
    /// Other scores, or other grades counted as satisfied or bad.
    Scores = 5,
    /// Options were added or removed.
    Options = 6,
    /// Another number of options may be chosen.
    Choices = 7,
    /// Other words.
    Text = 8,
    /// Other people are asked.
    Asked = 9,
    /// In another section.
    Section = 10,
}

impl ChangeKind {
    /// Whether answers before and after it can be counted together.
    pub fn is_joinable(self) -> bool {
        matches!(self, Self::Text | Self::Asked | Self::Section)
    }
}

/// A change of an item from one version to the next that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From this version.
    pub from: i32,
    /// To this one.
    pub to: i32,
    /// What.
    pub kind: ChangeKind,
    /// The same in words.
    pub description: String,
}

/// How an item fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemJoin {
    /// Id.
    pub item: String,
    /// Groups of versions that can be counted together.
    pub groups: Vec<Vec<i32>>,
    /// What changed.
    pub changes: Vec<Change>,
}

struct Asked<'a> {
    number: i32,
    definition: &'a Definition,
    items: Vec<Item>,
}

/// Compares versions, given in ascending order. Versions need not be neighbours to be joined:
/// what was changed and changed back fits again.
pub fn join(versions: &[Version]) -> Vec<ItemJoin> {
    let asked: Vec<Asked<'_>> = versions
        .iter()
        .map(|version| Asked {
            number: version.number,
            definition: version.definition(),
            items: items(version.definition()),
        })
        .collect();
    let mut ids: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for version in asked.iter().rev() {
        ids.extend(version.items.iter().map(|item| item.id.as_str()).filter(|id| seen.insert(*id)));
    }
    ids.into_iter().map(|id| join_item(id, &asked)).collect()
}

fn join_item(id: &str, asked: &[Asked<'_>]) -> ItemJoin {
    let find = |version: &Asked<'_>| version.items.iter().find(|item| item.id == id).cloned();
    let mut groups: Vec<(Item, Vec<i32>)> = Vec::new();
    let mut changes = Vec::new();
    for (index, version) in asked.iter().enumerate() {
        let now = find(version);
        if let Some(before) = index.checked_sub(1).map(|before| &asked[before]) {
            let kinds = match (find(before), &now) {
                (None, None) => Vec::new(),
                (None, Some(_)) => vec![(ChangeKind::Added, "is new".to_owned())],
                (Some(_), None) => vec![(ChangeKind::Removed, "is not asked any more".to_owned())],
                (Some(old), Some(new)) => differences((before, &old), (version, new)),
            };
            let change = |(kind, description)| Change {
                from: before.number,
                to: version.number,
                kind,
                description,
            };
            changes.extend(kinds.into_iter().map(change));
        }
        let Some(now) = now else { continue };
        match groups.iter_mut().find(|(like, _)| breaks(like, &now).is_empty()) {
            Some((_, group)) => group.push(version.number),
            None => groups.push((now, vec![version.number])),
        }
    }
    let groups = groups.into_iter().map(|(_, group)| group).collect();
    ItemJoin { item: id.to_owned(), groups, changes }
}

/// What keeps two from being counted together; empty when nothing does.
fn breaks(old: &Item, new: &Item) -> Vec<(ChangeKind, String)> {
    let mut found = Vec::new();
    if old.kind != new.kind || old.reasons != new.reasons {
        found.push((ChangeKind::Type, "is another type of question".to_owned()));
        return found;
    }
    if old.grades != new.grades {
        let print = |grades: Option<(i32, i32)>| {
            grades.map_or("no scale".to_owned(), |(min, max)| format!("{min} to {max}"))
        };
        let text = format!("has {} instead of {}", print(new.grades), print(old.grades));
        found.push((ChangeKind::Scale, text));
    } else if old.scores != new.scores || old.satisfied != new.satisfied || old.bad != new.bad {
        let text = "has other scores, or other grades count as satisfied or bad";
        found.push((ChangeKind::Scores, text.to_owned()));
    }
    let ids = |item: &Item| -> BTreeSet<String> {
        item.options.iter().map(|(id, _)| id.clone()).collect()
    };
    let (before, after) = (ids(old), ids(new));
    if before != after {
        let list = |from: &BTreeSet<String>, to: &BTreeSet<String>| {
            let list: Vec<&str> = from.difference(to).take(5).map(String::as_str).collect();
            if list.is_empty() { "none".to_owned() } else { list.join(", ") }
        };
        let (gone, added) = (list(&before, &after), list(&after, &before));
        found.push((ChangeKind::Options, format!("options gone: {gone}; added: {added}")));
    } else if old.choices != new.choices {
        let text = "allows another number of options";
        found.push((ChangeKind::Choices, text.to_owned()));
    }
    found
}

fn differences(old: (&Asked<'_>, &Item), new: (&Asked<'_>, &Item)) -> Vec<(ChangeKind, String)> {
    let mut found = breaks(old.1, new.1);
    let changed: Vec<&str> = old
        .1
        .text
        .iter()
        .filter(|(language, text)| new.1.text.get(*language).is_some_and(|now| now != *text))
        .map(|(language, _)| language.as_str())
        .collect();
    if !changed.is_empty() {
        let text = format!("is worded differently in {}", changed.join(", "));
        found.push((ChangeKind::Text, text));
    }
    if audience(old.0.definition, &old.1.question) != audience(new.0.definition, &new.1.question) {
        let text = "is asked of other people, or offers another way not to answer";
        found.push((ChangeKind::Asked, text.to_owned()));
    }
    if old.1.section != new.1.section {
        let text = format!("stands in section {} instead of {}", new.1.section, old.1.section);
        found.push((ChangeKind::Section, text));
    }
    found
}

/// Everything that decides on who answers a question, in a form that can be compared.
fn audience(definition: &Definition, id: &str) -> String {
    let mut position = None;
    let mut text = String::new();
    for (number, (section, question)) in definition.questions().enumerate() {
        if question.id == id {
            position = Some(number);
            let offers = (question.required, question.not_applicable, question.refusal);
            text = format!("{:?} {:?} {offers:?}", section.show_if, question.show_if);
        }
    }
    let Some(position) = position else { return text };
    // Jumps from before it may lead past it.
    for (_, question) in definition.questions().take(position) {
        for jump in &question.jumps {
            let lands =
                definition.questions().position(|(s, q)| q.id == jump.to || s.id == jump.to);
            if lands.is_none_or(|lands| lands > position) {
                text.push_str(&format!(" {} {:?}", question.id, jump.when));
            }
        }
    }
    text
}
