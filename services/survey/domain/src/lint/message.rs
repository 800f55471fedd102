//! Reasons and suggestions, in Chinese and in English.

use super::Rule;

/// Why something is found. `detail` is a word, a number or an id.
pub fn reason(rule: Rule, english: bool, detail: &str) -> String {
    let (zh, en) = reasons(rule);
    let text = if english { en } else { zh };
    text.replace("{}", detail)
}

/// What to do about it.
pub fn suggestion(rule: Rule, english: bool) -> &'static str {
    let (zh, en) = suggestions(rule);
    if english { en } else { zh }
}

fn reasons(rule: Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::DoubleBarrelled => (
            "“{}”把两件事放在一个问题里，得到的等级不知道是针对哪一件。",
            "“{}” joins two things in one question; nobody knows which one the grade is for.",
        ),
        Rule::LongText => (
            "题目长度为 {}，受访者容易读错或跳过。",
            "The text has a length of {}; it is easily misread or skipped.",
        ),
        Rule::Leading => (
            "“{}”暗示了希望得到的答案。",
            "“{}” suggests the answer that is hoped for.",
        ),
        Rule::Loaded => (
            "“{}”带有感情色彩或说法绝对，会影响回答。",
            "“{}” is emotive or absolute and colours the answers.",
        ),
        Rule::Negation => (
            "“{}”是否定说法，受访者容易弄反等级的含义。",
            "“{}” is a negation; respondents easily turn the grades round.",
        ),
        Rule::Vague => (
            "“{}”含义模糊，每个人的理解不同。",
            "“{}” is vague; everybody understands it differently.",
        ),
        Rule::Jargon => (
            "“{}”是专业用语或缩写，受访者可能不懂。",
            "“{}” is a technical word or an abbreviation that respondents may not know.",
        ),
        Rule::UnbalancedScale => (
            "好评等级与差评等级的数目之比为 {}，结果会偏向一侧。",
            "Good and bad grades stand {}; results lean to one side.",
        ),
        Rule::UnlabelledScale => (
            "有文字说明的等级数为 {}，两端也没有说明，受访者不清楚数字的含义。",
            "{} grades have words and the ends have none; the numbers are open to guesses.",
        ),
        Rule::MixedScales => (
            "同一问卷使用了多种等级数：{}。",
            "Scales of many lengths are used in one questionnaire: {}.",
        ),
        Rule::NoNotApplicable => (
            "此题必答，却没有“不适用”，没有经历过的人只能乱答。",
            "An answer is required and “not applicable” is missing; who has no experience must \
             guess.",
        ),
        Rule::NoRefusal => (
            "此题涉及个人信息且必答，却不能选择“不愿回答”。",
            "The question is personal and required, and offers no “prefer not to say”.",
        ),
        Rule::NoOther => (
            "选项可能没有覆盖所有情况，也没有“其他”。",
            "Options may not cover every case, and there is no “other”.",
        ),
        Rule::OverlappingOptions => (
            "选项的区间重叠或有空缺：{}。",
            "Ranges of options overlap or leave a gap: {}.",
        ),
        Rule::ManyOptions => (
            "选项多达 {} 个，靠后的选项很少有人看。",
            "There are {} options; the later ones are hardly read.",
        ),
        Rule::ManyRows => (
            "矩阵多达 {} 行，容易出现整列照填的情况。",
            "The matrix has {} rows, which invites the same grade throughout.",
        ),
        Rule::LongQuestionnaire => (
            "预计需要 {} 分钟，中途放弃的人会增多。",
            "It takes about {} minutes; more respondents will give up.",
        ),
        Rule::ManyOpenQuestions => (
            "面向所有人的开放题有 {} 道，填写负担较重。",
            "There are {} open questions for everybody; that is hard work.",
        ),
        Rule::RequiredOpenQuestion => (
            "开放题必答，会得到应付的回答或让人放弃。",
            "An open question is required; it yields empty words or makes people give up.",
        ),
        Rule::SameQuestion => (
            "与题目 {} 的文字相同。",
            "It has the same words as the question {}.",
        ),
        Rule::MissingTranslation => (
            "缺少语言 {} 的文字，将显示默认语言。",
            "There is no text in {}; the default language will be shown.",
        ),
        Rule::PersonalFirst => (
            "一开始就询问个人信息，会引起戒备。",
            "Personal questions come first and put respondents on their guard.",
        ),
        Rule::NoOverall => (
            "没有总体满意度的题目，无法与各项指标对照。",
            "Nothing asks about overall satisfaction, so items cannot be held against it.",
        ),
        Rule::NoIntroduction => (
            "没有说明调查目的、所需时间以及回答的用途。",
            "Nothing says what the survey is for, how long it takes and how answers are used.",
        ),
        Rule::NoReason => (
            "给出差评的人没有机会说明原因。",
            "Who gives a bad grade has no chance to say why.",
        ),
    }
}

fn suggestions(rule: Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::DoubleBarrelled => ("拆成两道题。", "Make two questions of it."),
        Rule::LongText => (
            "只保留问题本身，补充说明放到“说明”里。",
            "Keep the question only and move explanations to the help text.",
        ),
        Rule::Leading => ("改用中性的问法。", "Ask in neutral words."),
        Rule::Loaded => ("改用中性的词语。", "Use neutral words."),
        Rule::Negation => ("改成肯定的问法。", "Ask in the affirmative."),
        Rule::Vague => (
            "写明次数、日期或时间段。",
            "Give a number, a date or a span of time.",
        ),
        Rule::Jargon => (
            "换成日常用语，或在“说明”里解释。",
            "Use everyday words, or explain it in the help text.",
        ),
        Rule::UnbalancedScale => (
            "使两侧的等级数目相等，中间可设一个中立等级。",
            "Have as many good as bad grades, with a neutral one in between if you like.",
        ),
        Rule::UnlabelledScale => (
            "为每个等级，或至少为两端写上说明。",
            "Give words to every grade, or at least to both ends.",
        ),
        Rule::MixedScales => (
            "尽量统一使用一种等级数。",
            "Use one length wherever you can.",
        ),
        Rule::NoNotApplicable => (
            "提供“不适用”，或改为选答。",
            "Offer “not applicable”, or do not require an answer.",
        ),
        Rule::NoRefusal => (
            "提供“不愿回答”，或改为选答。",
            "Offer “prefer not to say”, or do not require an answer.",
        ),
        Rule::NoOther => (
            "增加“其他（请说明）”或“以上都不是”。",
            "Add “other, namely” or “none of these”.",
        ),
        Rule::OverlappingOptions => (
            "让每个数值恰好属于一个选项。",
            "Let every value belong to exactly one option.",
        ),
        Rule::ManyOptions => (
            "合并或删减选项，或打乱显示顺序。",
            "Merge or drop options, or show them in an order of chance.",
        ),
        Rule::ManyRows => ("拆成几道题，或打乱行序。", "Split it, or shuffle its rows."),
        Rule::LongQuestionnaire => (
            "删去不用于决策的题目，或用条件跳过不相关的部分。",
            "Drop what no decision depends on, or skip parts by branching.",
        ),
        Rule::ManyOpenQuestions => (
            "改为选择题，只在最后留一道开放题。",
            "Turn them into choices and keep one open question at the end.",
        ),
        Rule::RequiredOpenQuestion => ("改为选答。", "Do not require an answer."),
        Rule::SameQuestion => ("删去其中一道，或写明区别。", "Drop one, or tell them apart."),
        Rule::MissingTranslation => ("补上译文。", "Add the translation."),
        Rule::PersonalFirst => ("把个人信息放到最后。", "Move personal questions to the end."),
        Rule::NoOverall => (
            "增加一道总体满意度题目。",
            "Add a question on overall satisfaction.",
        ),
        Rule::NoIntroduction => (
            "增加一段简短的说明。",
            "Add a short introduction.",
        ),
        Rule::NoReason => (
            "为差评等级设置原因选项，或增加一道开放题。",
            "Give bad grades reasons to choose from, or add an open question.",
        ),
    }
}
