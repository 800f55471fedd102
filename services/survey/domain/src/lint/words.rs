//! Words that the lint looks for, in Chinese and in English.

/// Words per language. Chinese ones are found anywhere but in the phrases that are harmless;
/// English ones are whole words or phrases, whatever their case.
pub struct Words {
    zh: &'static [&'static str],
    zh_harmless: &'static [&'static str],
    en: &'static [&'static str],
    en_harmless: &'static [&'static str],
}

impl Words {
    /// The first of them in a text of a language; none in languages that are not known.
    pub fn find(&self, language: &str, text: &str) -> Option<&'static str> {
        match language.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "zh" => {
                let text = without(text, self.zh_harmless, " ");
                self.zh.iter().find(|word| text.contains(**word)).copied()
            }
            "en" => {
                let text = without(&plain(text), self.en_harmless, " , ");
                self.en.iter().find(|word| text.contains(&format!(" {word} "))).copied()
            }
            _ => None,
        }
    }
}

fn without(text: &str, phrases: &[&str], instead: &str) -> String {
    phrases.iter().fold(text.to_owned(), |text, phrase| text.replace(phrase, instead))
}

/// Lower-case words between single blanks, with a blank at both ends.
fn plain(text: &str) -> String {
    let mut out = String::from(" ");
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, '\'' | '-' | '/' | '&') => {
                out.extend(c.to_lowercase());
            }
            '’' => out.push('\''),
            _ if !out.ends_with(' ') => out.push(' '),
            _ => {}
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// Joints that make one question of two.
pub const JOINTS: Words = Words {
    zh: &["以及", "并且", "而且", "同时", "、", "和", "与", "及", "或者"],
    zh_harmless: &[
        "与合同",
        "与您",
        "与预期",
        "与期望",
        "与实际",
        "与其他",
        "与该部门",
        "和谐",
        "温和",
        "平和",
        "饱和",
        "及时",
        "涉及",
        "普及",
        "顾及",
        "来得及",
        "参与",
        "与否",
        "给与",
        "赠与",
        "设施与环境",
        "和我们",
    ],
    en: &["and", "or", "and/or", "&", "as well as", "both", "along with", "together with"],
    en_harmless: &[
        "terms and conditions",
        "research and development",
        "friends or family",
        "friends and family",
        "friends or colleagues",
        "more or less",
    ],
};

/// Words that lead to an answer.
pub const LEADING: Words = Words {
    zh: &[
        "难道",
        "众所周知",
        "大家都",
        "想必",
        "您一定",
        "您肯定",
        "您也认为",
        "是不是也",
        "不觉得",
        "毫无疑问",
        "当然",
        "理应",
        "您是否赞同",
    ],
    zh_harmless: &[],
    en: &[
        "don't you",
        "do you not",
        "wouldn't you",
        "isn't it",
        "aren't you",
        "surely",
        "obviously",
        "of course",
        "as everyone knows",
        "as we all know",
        "most people",
        "everyone agrees",
        "do you agree that",
        "wouldn't it",
    ],
    en_harmless: &[],
};

/// Emotive and absolute words.
pub const LOADED: Words = Words {
    zh: &[
        "卓越",
        "一流",
        "热情周到",
        "完美",
        "糟糕",
        "恶劣",
        "可怕",
        "绝对",
        "永远",
        "从不",
        "总是",
        "一贯",
        "无微不至",
        "优质",
        "先进的",
        "贴心",
    ],
    zh_harmless: &[],
    en: &[
        "excellent",
        "outstanding",
        "world-class",
        "first-class",
        "wonderful",
        "fantastic",
        "amazing",
        "terrible",
        "awful",
        "horrible",
        "always",
        "never",
        "absolutely",
        "completely",
        "totally",
        "caring",
    ],
    en_harmless: &[],
};

/// Two negations.
pub const DOUBLE_NEGATIONS: Words = Words {
    zh: &["不会不", "不能不", "没有不", "并非不", "不得不", "不是不", "无不", "非不", "不无"],
    zh_harmless: &[],
    en: &[
        "not dissatisfied",
        "not unclear",
        "not unfriendly",
        "not unhappy",
        "not unhelpful",
        "not unimportant",
        "not unlikely",
        "not unpleasant",
        "not unreasonable",
        "not unsatisfactory",
        "not unsatisfied",
        "not disagree",
        "not never",
        "not without",
        "not impossible",
        "not uncommon",
        "don't disagree",
        "never not",
    ],
    en_harmless: &[],
};

/// One negation, which turns a grade round.
pub const NEGATIONS: Words = Words {
    zh: &["不满意", "没有", "不会", "不能", "不是", "不应", "不方便", "不好"],
    zh_harmless: &["有没有", "会不会", "能不能", "是不是", "满不满意", "是否"],
    en: &["not", "don't", "doesn't", "didn't", "isn't", "wasn't", "cannot", "dissatisfied", "no"],
    en_harmless: &["if not", "or not"],
};

/// Vague words.
pub const VAGUE: Words = Words {
    zh: &["经常", "有时", "偶尔", "最近", "近期", "大概", "等等", "差不多", "比较多", "若干"],
    zh_harmless: &["最近一次", "最近一年", "最近一个月", "最近三个月"],
    en: &[
        "often",
        "sometimes",
        "regularly",
        "occasionally",
        "recently",
        "frequently",
        "usually",
        "several",
        "etc",
    ],
    en_harmless: &["how often", "how frequently"],
};

/// Technical words.
pub const JARGON: Words = Words {
    zh: &["赋能", "闭环", "抓手", "颗粒度", "触达", "链路", "痛点", "端到端", "对标"],
    zh_harmless: &[],
    en: &["touchpoint", "omnichannel", "end-to-end", "synergy", "stakeholder", "deliverables"],
    en_harmless: &[],
};

/// What is personal.
pub const PERSONAL: Words = Words {
    zh: &[
        "年龄",
        "收入",
        "工资",
        "健康状况",
        "宗教",
        "婚姻",
        "民族",
        "电话号码",
        "手机号",
        "身份证",
        "姓名",
        "住址",
        "学历",
        "政治面貌",
        "性别",
        "出生",
    ],
    zh_harmless: &["收入水平是否满意"],
    en: &[
        "your age",
        "how old",
        "income",
        "salary",
        "your health",
        "religion",
        "marital",
        "phone number",
        "your address",
        "your name",
        "gender",
        "education",
        "ethnic",
        "date of birth",
        "born",
    ],
    en_harmless: &[],
};

/// What asks about the whole.
pub const OVERALL: Words = Words {
    zh: &["总体", "整体", "总的来说", "综合"],
    zh_harmless: &[],
    en: &["overall", "all in all", "as a whole", "in general", "on the whole"],
    en_harmless: &[],
};

/// An option for everything else.
pub const OTHER: Words = Words {
    zh: &["其他", "其它", "以上都不", "都不", "没有", "说不清", "不知道", "不清楚", "无"],
    zh_harmless: &["无法", "无线"],
    en: &["other", "else", "none", "cannot say", "don't know", "not sure", "nothing", "no"],
    en_harmless: &[],
};

/// A good grade.
pub const GOOD: Words = Words {
    zh: &["满意", "好", "同意", "优", "良", "容易", "可能", "高", "划算", "合格"],
    zh_harmless: &["不满意", "不太满意", "不同意", "不容易", "不可能", "不好", "不太好", "不合格"],
    en: &[
        "satisfied",
        "good",
        "excellent",
        "agree",
        "likely",
        "easy",
        "great",
        "high",
        "happy",
        "well",
        "better",
    ],
    en_harmless: &[
        "not at all satisfied",
        "not satisfied",
        "not good",
        "nor disagree",
        "neither agree",
        "neither satisfied",
        "not at all likely",
        "not likely",
        "not easy",
        "not happy",
    ],
};

/// A bad grade.
pub const BAD: Words = Words {
    zh: &["不", "差", "糟", "低", "难", "没有"],
    zh_harmless: &["不差", "不错", "差不多", "难说"],
    en: &[
        "dissatisfied",
        "unsatisfied",
        "bad",
        "poor",
        "disagree",
        "unlikely",
        "difficult",
        "hard",
        "low",
        "unhappy",
        "not",
        "worse",
        "terrible",
        "badly",
    ],
    en_harmless: &["nor disagree", "nor dissatisfied", "not bad"],
};

/// A grade in the middle.
pub const MIDDLE: Words = Words {
    zh: &["一般", "中立", "中等", "尚可", "中", "说不清", "普通", "基本", "合格"],
    zh_harmless: &[],
    en: &["neither", "neutral", "average", "fair", "ok", "okay", "mostly", "acceptable", "so-so"],
    en_harmless: &[],
};

/// Upper-case abbreviations that everybody may not know; the first one of a text.
pub fn abbreviation(text: &str) -> Option<String> {
    let known = ["NPS", "QQ", "APP", "ATM", "PC", "ID", "SMS", "WIFI", "A", "OK", "USB", "QR"];
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut found = words.filter(|word| {
        let letters = word.bytes().filter(u8::is_ascii_uppercase).count();
        letters >= 2 && letters == word.len() && !known.contains(word)
    });
    found.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_language_and_not_in_harmless_phrases() {
        assert_eq!(JOINTS.find("zh-CN", "服务态度和专业水平"), Some("和"));
        assert_eq!(JOINTS.find("zh", "答复是否及时"), None);
        assert_eq!(JOINTS.find("en", "The speed AND the quality."), Some("and"));
        assert_eq!(JOINTS.find("en", "A candle, a sandwich"), None);
        assert_eq!(JOINTS.find("de", "schnell und gut, and"), None);
        assert_eq!(NEGATIONS.find("en", "Why don’t you come?"), Some("don't"));
    }

    #[test]
    fn abbreviations_are_all_capitals() {
        assert_eq!(abbreviation("您对 SLA 是否满意"), Some("SLA".to_owned()));
        assert_eq!(abbreviation("Use the app or an ATM"), None);
    }
}
