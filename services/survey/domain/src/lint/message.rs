//! Reasons and suggestions, in Chinese and in English.

use super::Rule;

/// Words of a rule; `{}` stands for what was found: a word, a number or an id.
struct Words {
    rule: Rule,
    /// Why something is found, in Chinese and in English.
    reason: [&'static str; 2],
    /// What to do about it, in Chinese and in English.
    suggestion: [&'static str; 2],
}

/// Why something is found. `detail` is a word, a number or an id.
pub fn reason(rule: Rule, english: bool, detail: &str) -> String {
    let found = words(rule).map(|words| words.reason[usize::from(english)]);
    found.unwrap_or_default().replace("{}", detail)
}

/// What to do about it.
pub fn suggestion(rule: Rule, english: bool) -> &'static str {
    words(rule).map(|words| words.suggestion[usize::from(english)]).unwrap_or_default()
}

fn words(rule: Rule) -> Option<&'static Words> {
    WORDS.iter().find(|words| words.rule == rule)
}

/// In the order of the rules' numbers.
const WORDS: [Words; 25] = [
    Words {
        rule: Rule::DoubleBarrelled,
        reason: [
            "“{}”把两件事放在一个问题里，得到的等级不知道是针对哪一件。",
            "“{}” joins two things in one question; nobody knows which one the grade is for.",
        ],
        suggestion: ["拆成两道题。", "Make two questions of it."],
    },
    Words {
        rule: Rule::LongText,
        reason: [
            "题目长度为 {}，受访者容易读错或跳过。",
            "The text has a length of {}; it is easily misread or skipped.",
        ],
        suggestion: [
            "只保留问题本身，补充说明放到“说明”里。",
            "Keep the question only and move explanations to the help text.",
        ],
    },
    Words {
        rule: Rule::Leading,
        reason: ["“{}”暗示了希望得到的答案。", "“{}” suggests the answer that is hoped for."],
        suggestion: ["改用中性的问法。", "Ask in neutral words."],
    },
    Words {
        rule: Rule::Loaded,
        reason: [
            "“{}”带有感情色彩或说法绝对，会影响回答。",
            "“{}” is emotive or absolute and colours the answers.",
        ],
        suggestion: ["改用中性的词语。", "Use neutral words."],
    },
    Words {
        rule: Rule::Negation,
        reason: [
            "“{}”是否定说法，受访者容易弄反等级的含义。",
            "“{}” is a negation; respondents easily turn the grades round.",
        ],
        suggestion: ["改成肯定的问法。", "Ask in the affirmative."],
    },
    Words {
        rule: Rule::Vague,
        reason: [
            "“{}”含义模糊，每个人的理解不同。",
            "“{}” is vague; everybody understands it differently.",
        ],
        suggestion: ["写明次数、日期或时间段。", "Give a number, a date or a span of time."],
    },
    Words {
        rule: Rule::Jargon,
        reason: [
            "“{}”是专业用语或缩写，受访者可能不懂。",
            "“{}” is a technical word or an abbreviation that respondents may not know.",
        ],
        suggestion: [
            "换成日常用语，或在“说明”里解释。",
            "Use everyday words, or explain it in the help text.",
        ],
    },
    Words {
        rule: Rule::UnbalancedScale,
        reason: [
            "好评等级与差评等级的数目之比为 {}，结果会偏向一侧。",
            "Good and bad grades stand {}; results lean to one side.",
        ],
        suggestion: [
            "使两侧的等级数目相等，中间可设一个中立等级。",
            "Have as many good as bad grades, with a neutral one in between if you like.",
        ],
    },
    Words {
        rule: Rule::UnlabelledScale,
        reason: [
            "有文字说明的等级数为 {}，两端也没有说明，受访者不清楚数字的含义。",
            "{} grades have words and the ends have none; the numbers are open to guesses.",
        ],
        suggestion: [
            "为每个等级，或至少为两端写上说明。",
            "Give words to every grade, or at least to both ends.",
        ],
    },
    Words {
        rule: Rule::MixedScales,
        reason: [
            "同一问卷使用了多种等级数：{}。",
            "Scales of many lengths are used in one questionnaire: {}.",
        ],
        suggestion: ["尽量统一使用一种等级数。", "Use one length wherever you can."],
    },
    Words {
        rule: Rule::NoNotApplicable,
        reason: [
            "此题必答，却没有“不适用”，没有经历过的人只能乱答。",
            "An answer is required and “not applicable” is missing; who has no experience must \
             guess.",
        ],
        suggestion: [
            "提供“不适用”，或改为选答。",
            "Offer “not applicable”, or do not require an answer.",
        ],
    },
    Words {
        rule: Rule::NoRefusal,
        reason: [
            "此题涉及个人信息且必答，却不能选择“不愿回答”。",
            "The question is personal and required, and offers no “prefer not to say”.",
        ],
        suggestion: [
            "提供“不愿回答”，或改为选答。",
            "Offer “prefer not to say”, or do not require an answer.",
        ],
    },
    Words {
        rule: Rule::NoOther,
        reason: [
            "选项可能没有覆盖所有情况，也没有“其他”。",
            "Options may not cover every case, and there is no “other”.",
        ],
        suggestion: [
            "增加“其他（请说明）”或“以上都不是”。",
            "Add “other, namely” or “none of these”.",
        ],
    },
    Words {
        rule: Rule::OverlappingOptions,
        reason: ["选项的区间重叠或有空缺：{}。", "Ranges of options overlap or leave a gap: {}."],
        suggestion: [
            "让每个数值恰好属于一个选项。",
            "Let every value belong to exactly one option.",
        ],
    },
    Words {
        rule: Rule::ManyOptions,
        reason: [
            "选项多达 {} 个，靠后的选项很少有人看。",
            "There are {} options; the later ones are hardly read.",
        ],
        suggestion: [
            "合并或删减选项，或打乱显示顺序。",
            "Merge or drop options, or show them in an order of chance.",
        ],
    },
    Words {
        rule: Rule::ManyRows,
        reason: [
            "矩阵多达 {} 行，容易出现整列照填的情况。",
            "The matrix has {} rows, which invites the same grade throughout.",
        ],
        suggestion: ["拆成几道题，或打乱行序。", "Split it, or shuffle its rows."],
    },
    Words {
        rule: Rule::LongQuestionnaire,
        reason: [
            "预计需要 {} 分钟，中途放弃的人会增多。",
            "It takes about {} minutes; more respondents will give up.",
        ],
        suggestion: [
            "删去不用于决策的题目，或用条件跳过不相关的部分。",
            "Drop what no decision depends on, or skip parts by branching.",
        ],
    },
    Words {
        rule: Rule::ManyOpenQuestions,
        reason: [
            "面向所有人的开放题有 {} 道，填写负担较重。",
            "There are {} open questions for everybody; that is hard work.",
        ],
        suggestion: [
            "改为选择题，只在最后留一道开放题。",
            "Turn them into choices and keep one open question at the end.",
        ],
    },
    Words {
        rule: Rule::RequiredOpenQuestion,
        reason: [
            "开放题必答，会得到应付的回答或让人放弃。",
            "An open question is required; it yields empty words or makes people give up.",
        ],
        suggestion: ["改为选答。", "Do not require an answer."],
    },
    Words {
        rule: Rule::SameQuestion,
        reason: ["与题目 {} 的文字相同。", "It has the same words as the question {}."],
        suggestion: ["删去其中一道，或写明区别。", "Drop one, or tell them apart."],
    },
    Words {
        rule: Rule::MissingTranslation,
        reason: [
            "缺少语言 {} 的文字，将显示默认语言。",
            "There is no text in {}; the default language will be shown.",
        ],
        suggestion: ["补上译文。", "Add the translation."],
    },
    Words {
        rule: Rule::PersonalFirst,
        reason: [
            "一开始就询问个人信息，会引起戒备。",
            "Personal questions come first and put respondents on their guard.",
        ],
        suggestion: ["把个人信息放到最后。", "Move personal questions to the end."],
    },
    Words {
        rule: Rule::NoOverall,
        reason: [
            "没有总体满意度的题目，无法与各项指标对照。",
            "Nothing asks about overall satisfaction, so items cannot be held against it.",
        ],
        suggestion: ["增加一道总体满意度题目。", "Add a question on overall satisfaction."],
    },
    Words {
        rule: Rule::NoIntroduction,
        reason: [
            "没有说明调查目的、所需时间以及回答的用途。",
            "Nothing says what the survey is for, how long it takes and how answers are used.",
        ],
        suggestion: ["增加一段简短的说明。", "Add a short introduction."],
    },
    Words {
        rule: Rule::NoReason,
        reason: [
            "给出差评的人没有机会说明原因。",
            "Who gives a bad grade has no chance to say why.",
        ],
        suggestion: [
            "为差评等级设置原因选项，或增加一道开放题。",
            "Give bad grades reasons to choose from, or add an open question.",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_words_in_both_languages() {
        for (number, words) in (1..).zip(&WORDS) {
            assert_eq!(words.rule as i32, number);
            for language in 0..2 {
                assert!(
                    !words.reason[language].is_empty() && !words.suggestion[language].is_empty()
                );
            }
        }
    }
}
