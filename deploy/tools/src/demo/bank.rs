//! The plan of the demonstration bank: 3 regions, 12 branches, 60 windows, 80 staff. Pure.

use proto::{
    auth::v1::UnitKind,
    device::v1::{Grade, LocalizedText, Reason, Template, TemplateItem},
};

/// Display name of the organisation.
pub const NAME: &str = "满意银行 (Manyi Bank)";
/// Code of the first branch.
pub const FIRST_BRANCH: &str = "B01";

const REGIONS: [(&str, &str); 3] = [("东区", "East"), ("西区", "West"), ("南区", "South")];
const BRANCHES: [(&str, &str); 12] = [
    ("人民路支行", "Renmin Road"),
    ("中山路支行", "Zhongshan Road"),
    ("湖滨支行", "Lakeside"),
    ("高新区支行", "High-Tech Zone"),
    ("解放路支行", "Jiefang Road"),
    ("大学城支行", "University Town"),
    ("火车站支行", "Railway Station"),
    ("西门支行", "West Gate"),
    ("港口支行", "Harbour"),
    ("南湖支行", "South Lake"),
    ("体育馆支行", "Stadium"),
    ("会展中心支行", "Exhibition Centre"),
];
const WINDOWS: [(&str, &str); 5] = [
    ("综合窗口 1", "Counter 1"),
    ("综合窗口 2", "Counter 2"),
    ("综合窗口 3", "Counter 3"),
    ("对公窗口", "Business clients"),
    ("贵宾窗口", "Premium clients"),
];
const FAMILY: [(&str, &str); 10] = [
    ("王", "Wang"),
    ("李", "Li"),
    ("张", "Zhang"),
    ("刘", "Liu"),
    ("陈", "Chen"),
    ("杨", "Yang"),
    ("赵", "Zhao"),
    ("黄", "Huang"),
    ("周", "Zhou"),
    ("吴", "Wu"),
];
const GIVEN: [(&str, &str); 8] = [
    ("敏", "Min"),
    ("静", "Jing"),
    ("伟", "Wei"),
    ("芳", "Fang"),
    ("磊", "Lei"),
    ("洋", "Yang"),
    ("婷", "Ting"),
    ("强", "Qiang"),
];

/// A unit to be.
#[derive(Debug)]
pub struct UnitPlan {
    /// Code, unique in the bank.
    pub code: String,
    /// Code of the unit above; absent for the headquarters.
    pub parent: Option<String>,
    /// Level.
    pub kind: UnitKind,
    /// Name in Chinese, with English in brackets.
    pub display_name: String,
}

/// A staff member to be.
#[derive(Debug)]
pub struct StaffPlan {
    /// Staff number.
    pub number: String,
    /// Code of the branch.
    pub branch: String,
    /// Name in Chinese, with English in brackets.
    pub display_name: String,
}

fn both(names: (&str, &str)) -> String {
    format!("{} ({})", names.0, names.1)
}

/// Units below the headquarters, parents first.
pub fn units() -> Vec<UnitPlan> {
    let mut plans = Vec::new();
    for (r, names) in REGIONS.into_iter().enumerate() {
        plans.push(UnitPlan {
            code: format!("R{}", r + 1),
            parent: None,
            kind: UnitKind::Region,
            display_name: both(names),
        });
    }
    let per_region = BRANCHES.len() / REGIONS.len();
    for (b, names) in BRANCHES.into_iter().enumerate() {
        let code = format!("B{:02}", b + 1);
        plans.push(UnitPlan {
            code: code.clone(),
            parent: Some(format!("R{}", b / per_region + 1)),
            kind: UnitKind::Branch,
            display_name: both(names),
        });
        for (w, names) in WINDOWS.into_iter().enumerate() {
            plans.push(UnitPlan {
                code: format!("{code}-W{}", w + 1),
                parent: Some(code.clone()),
                kind: UnitKind::Window,
                display_name: both(names),
            });
        }
    }
    plans
}

/// Staff: six in every branch, seven in the first eight.
pub fn staff() -> Vec<StaffPlan> {
    let seats = (0..7).flat_map(|turn| (0..BRANCHES.len()).map(move |branch| (turn, branch)));
    seats
        .take(80)
        .enumerate()
        .map(|(n, (_, branch))| {
            let family = FAMILY[n % FAMILY.len()];
            let given = GIVEN[n / FAMILY.len()];
            StaffPlan {
                number: format!("{}", 1001 + n),
                branch: format!("B{:02}", branch + 1),
                display_name: format!("{}{} ({} {})", family.0, given.0, given.1, family.1),
            }
        })
        .collect()
}

fn text(zh: &str, en: &str) -> Option<LocalizedText> {
    let texts = [("zh-CN", zh), ("en", en)];
    let texts = texts.into_iter().map(|(tag, text)| (tag.to_owned(), text.to_owned()));
    Some(LocalizedText { texts: texts.collect() })
}

/// The five grades that terminals show.
pub fn template() -> Template {
    let grade = |value, zh, en, score_0_100, face: &str| Grade {
        value,
        label: text(zh, en),
        score_0_100,
        face: face.to_owned(),
        reasons: if value <= 3 { reasons() } else { Vec::new() },
        satisfied: value >= 4,
        bad: value <= 2,
    };
    let item = TemplateItem {
        code: "overall".to_owned(),
        text: text("请对本次服务进行评价", "Please rate this service"),
    };
    Template {
        display_name: "五级评价 (Five grades)".to_owned(),
        items: vec![item],
        grades: vec![
            grade(1, "非常不满意", "Very dissatisfied", 0.0, "cry"),
            grade(2, "不满意", "Dissatisfied", 40.0, "frown"),
            grade(3, "一般", "Neutral", 60.0, "neutral"),
            grade(4, "满意", "Satisfied", 80.0, "smile"),
            grade(5, "非常满意", "Very satisfied", 100.0, "laugh"),
        ],
        scale_min: 1,
        scale_max: 5,
        prompt: text("请您评价", "How did we do?"),
        prompt_timeout_s: 20,
        comment_allowed: true,
        default_template: true,
        ..Template::default()
    }
}

fn reasons() -> Vec<Reason> {
    [
        ("queue", "等候时间长", "Long wait"),
        ("slow", "办理速度慢", "Slow handling"),
        ("attitude", "服务态度差", "Unfriendly"),
        ("skill", "业务不熟练", "Lack of knowledge"),
        ("rules", "手续繁琐", "Too much paperwork"),
    ]
    .into_iter()
    .map(|(code, zh, en)| Reason { code: code.to_owned(), label: text(zh, en) })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_bank_has_three_regions_twelve_branches_sixty_windows_and_eighty_staff() {
        let units = units();
        let count = |kind| units.iter().filter(|u| u.kind == kind).count();
        assert_eq!(count(UnitKind::Region), 3);
        assert_eq!(count(UnitKind::Branch), 12);
        assert_eq!(count(UnitKind::Window), 60);
        let staff = staff();
        assert_eq!(staff.len(), 80);
        let names: HashSet<_> = staff.iter().map(|s| &s.display_name).collect();
        assert_eq!(names.len(), 80);
        for unit in units.iter().filter(|u| u.kind == UnitKind::Branch) {
            let here = staff.iter().filter(|s| s.branch == unit.code).count();
            assert!(here > WINDOWS.len(), "{} has {here} staff", unit.code);
        }
    }

    #[test]
    fn parents_come_before_children() {
        let mut seen = HashSet::new();
        for unit in units() {
            if let Some(parent) = &unit.parent {
                assert!(seen.contains(parent), "{} before {parent}", unit.code);
            }
            assert!(seen.insert(unit.code));
        }
    }
}
