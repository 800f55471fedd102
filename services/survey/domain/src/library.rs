//! The library of questionnaires: complete, in Chinese and English, to be copied and edited. The
//! texts are data beside this file, in the form of the published document schema.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use crate::{
    lint,
    questionnaire::{Definition, Texts},
};

/// A questionnaire of the library.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Key.
    pub key: &'static str,
    /// What it is for.
    pub purpose: Texts,
    /// What it asks.
    pub definition: Definition,
    /// Number of questions.
    pub questions: usize,
    /// Estimated minutes to answer it.
    pub minutes: f64,
}

struct Source {
    key: &'static str,
    zh: &'static str,
    en: &'static str,
    json: &'static str,
}

macro_rules! source {
    ($key:literal, $zh:literal, $en:literal) => {
        Source {
            key: $key,
            zh: $zh,
            en: $en,
            json: include_str!(concat!("library/templates/", $key, ".json")),
        }
    };
}

const SOURCES: [Source; 10] = [
    source!(
        "technical_service",
        "技术服务类项目：符合性、进度、能力、答复速度、质量，四级评价",
        "Technical-service projects: conformity, schedule, competence, speed of answer, quality; \
         four grades"
    ),
    source!(
        "research_project",
        "科研项目：成果与项目执行，四级评价",
        "Research projects: results and how the work was done; four grades"
    ),
    source!(
        "retail",
        "零售门店：各方面评价、原因与推荐",
        "Shops: aspects, reasons, recommendation"
    ),
    source!(
        "bank_window",
        "银行网点窗口：态度、水平、效率与等候",
        "Bank counters: attitude, skill, efficiency, waiting"
    ),
    source!(
        "government_window",
        "政务服务“好差评”：现场与网上，五级评价及原因",
        "Government services, on site and on line: five grades with reasons"
    ),
    source!(
        "employee",
        "员工满意度：工作、待遇、发展与管理，不记名",
        "Employees: work, pay, development, leadership; anonymous"
    ),
    source!(
        "internal_customer",
        "内部顾客：评价为自己提供支持的部门",
        "Internal customers: rating of the departments that support one's work"
    ),
    source!("nps", "推荐意愿，按得分追问原因", "Recommendation, with a follow-up for each group"),
    source!(
        "acsi",
        "六变量满意度指数：期望、质量、价值、满意、抱怨、忠诚，1–10 分",
        "Satisfaction index of six constructs: expectations, quality, value, satisfaction, \
         complaints, loyalty; scales from 1 to 10"
    ),
    source!(
        "expectation_gap",
        "期望值与实际感知成对评价",
        "Pairs of expectation and perception for each item"
    ),
];

/// All templates in a fixed order.
pub fn templates() -> &'static [Template] {
    static ALL: LazyLock<Vec<Template>> = LazyLock::new(|| SOURCES.iter().map(read).collect());
    &ALL
}

/// A template by its key.
pub fn template(key: &str) -> Option<&'static Template> {
    templates().iter().find(|template| template.key == key)
}

fn read(source: &Source) -> Template {
    let definition: Definition =
        serde_json::from_str(source.json).expect("the library was read by its tests");
    let purpose = [("zh-CN", source.zh), ("en", source.en)];
    Template {
        key: source.key,
        purpose: purpose.map(|(tag, text)| (tag.to_owned(), text.to_owned())).into(),
        questions: definition.questions().count(),
        minutes: lint::minutes(&definition),
        definition,
    }
}
