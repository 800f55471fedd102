//! The report as Markdown.

use std::fmt::{Arguments, Write as _};

use super::{Goal, Report, Row};
use crate::stats::Spread;

/// The whole report, one table for each database.
pub fn markdown(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    let mut databases: Vec<&str> = Vec::new();
    for row in &report.rows {
        if !databases.contains(&row.database.as_str()) {
            databases.push(&row.database);
        }
    }
    for database in databases {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.database == database).collect();
        section(&mut out, database, &rows);
    }
    if !report.failures.is_empty() {
        out.push_str("\n## Not measured\n\n");
        for failure in &report.failures {
            let (database, phase) = (&failure.database, &failure.phase);
            line(&mut out, format_args!("- {database}, {phase}: {}", failure.error));
        }
    }
    out
}

fn line(out: &mut String, text: Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn head(out: &mut String, report: &Report) {
    let machine = &report.machine;
    out.push_str("# Figures of one run\n\n");
    line(
        out,
        format_args!(
            "{} build of {}, {} cores ({}), {} MiB, kernel {}, {}, {} on {}. Load \
             average {} before, {} after. Started {}.",
            machine.profile,
            machine.commit,
            machine.cores,
            machine.processor,
            machine.memory_mib,
            machine.kernel,
            machine.rustc,
            report.databases.join(" and "),
            machine.file_system,
            machine.load_before,
            machine.load_after,
            machine.started,
        ),
    );
    out.push_str(
        "\nClients, services and database share these cores. Values are medians, with the \
         smallest and the largest repetition in brackets; ratios are taken pair by pair, since \
         rates move with the machine and ratios do not.\n",
    );
    if report.quick {
        out.push_str("\nThis was a quick run: it shows that everything works, no more.\n");
    }
}

fn section(out: &mut String, database: &str, rows: &[&Row]) {
    line(out, format_args!("\n## {database}\n"));
    out.push_str(
        "| # | Figure | Value | p50 / p99 ms | Beside it, in the same run | Ratio | Goal | \
         Reached |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let cells = [
            row.id.to_owned(),
            row.figure.clone(),
            value(row.value, row.unit),
            latency(row.p50_ms, row.p99_ms),
            beside(row),
            row.ratio.map_or_else(String::new, |ratio| spread(ratio, "")),
            goal(row.goal, row.unit),
            reached(row).to_owned(),
        ];
        line(out, format_args!("| {} |", cells.join(" | ")));
    }
    out.push('\n');
    for row in rows {
        let mut remarks = vec![row.load.clone()];
        remarks.extend(row.notes.clone());
        remarks.retain(|remark| !remark.is_empty());
        if !remarks.is_empty() {
            line(out, format_args!("- {} {}: {}.", row.id, row.figure, remarks.join("; ")));
        }
    }
}

fn reached(row: &Row) -> &'static str {
    match (row.goal, row.reached) {
        (Goal::None, _) => "",
        (_, true) => "yes",
        (_, false) => "**no**",
    }
}

fn beside(row: &Row) -> String {
    let Some(beside) = &row.beside else { return String::new() };
    let latency = match latency(beside.p50_ms, beside.p99_ms) {
        text if text.is_empty() => text,
        text => format!(" ({text} ms)"),
    };
    format!("{}: {}{latency}", beside.what, value(beside.value, beside.unit))
}

fn latency(p50_ms: Option<f64>, p99_ms: Option<f64>) -> String {
    match (p50_ms, p99_ms) {
        (Some(p50), Some(p99)) => format!("{} / {}", number(p50), number(p99)),
        _ => String::new(),
    }
}

fn goal(goal: Goal, unit: &str) -> String {
    match goal {
        Goal::RatioAtLeast(bound) => format!("ratio ≥ {}", number(bound)),
        Goal::RatioAtMost(bound) => format!("ratio ≤ {}", number(bound)),
        Goal::ValueAtLeast(bound) => format!("≥ {} {unit}", number(bound)),
        Goal::ValueAtMost(bound) => format!("≤ {} {unit}", number(bound)),
        Goal::P99AtMost(bound) => format!("p99 ≤ {} ms", number(bound)),
        Goal::None => String::new(),
    }
}

fn value(value: Spread, unit: &str) -> String {
    spread(value, &format!(" {unit}"))
}

fn spread(spread: Spread, unit: &str) -> String {
    let median = number(spread.median);
    let unit = unit.trim_end();
    if spread.min.total_cmp(&spread.max).is_eq() {
        return format!("{median}{unit}");
    }
    format!("{median}{unit} [{}–{}]", number(spread.min), number(spread.max))
}

/// Few digits; large numbers whole and with separators.
pub fn number(value: f64) -> String {
    if value.abs() >= 100.0 {
        let digits = format!("{:.0}", value.abs());
        let mut out = String::from(if value < 0.0 { "-" } else { "" });
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        return out;
    }
    let places = if value.abs() >= 10.0 { 1 } else { 2 };
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        let cases = [
            (61_589.4, "61,589"),
            (1_234_567.0, "1,234,567"),
            (-4_321.0, "-4,321"),
            (0.761, "0.76"),
            (0.6, "0.6"),
            (50.0, "50"),
            (12.34, "12.3"),
            (0.0, "0"),
            (300.0, "300"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
