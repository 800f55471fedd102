//! The Chinese lunar calendar from 1901 to 2098.

use jiff::{ToSpan, civil::Date};

/// First lunar year of [`YEARS`].
const FIRST: i16 = 1901;

/// For each year: days from 1 January to its first day (bits 17 and up), number of its leap
/// month or 0 (bits 13 to 16), and a bit for each of its months, the leap month after its
/// namesake, set for 30 days and clear for 29.
const YEARS: [u32; 198] = [
    0x620752, 0x4c0ea5, 0x38b64a, 0x5c064b, 0x440a9b, 0x309556, 0x56056a, 0x400b59, 0x2a5752,
    0x500752, 0x3adb25, 0x600b25, 0x480a4b, 0x32b4ab, 0x5802ad, 0x42056b, 0x2c4b69, 0x520da9,
    0x3efd92, 0x640e92, 0x4c0d25, 0x36ba4d, 0x5c0a56, 0x4602b6, 0x2e95b5, 0x5606d4, 0x400ea9,
    0x2c5e92, 0x500e92, 0x3acd26, 0x5e052b, 0x480a57, 0x32b2d6, 0x580b5a, 0x4406d4, 0x2e6ec9,
    0x520749, 0x3cf693, 0x620a93, 0x4c052b, 0x34ca5b, 0x5a0aad, 0x46056a, 0x309b55, 0x560ba4,
    0x400b49, 0x2a5a93, 0x500a95, 0x38f52d, 0x5e0536, 0x480aad, 0x34b5aa, 0x5805b2, 0x420ba5,
    0x2e7d4a, 0x540d4a, 0x3d0a95, 0x600a97, 0x4c0556, 0x36cab5, 0x5a0ad5, 0x4606d2, 0x308ea5,
    0x560ea5, 0x40064a, 0x286c97, 0x4e0a9b, 0x3af55a, 0x5e056a, 0x480b69, 0x34b752, 0x5a0b52,
    0x420b25, 0x2c964b, 0x520a4b, 0x3d14ab, 0x6002ad, 0x4a05ad, 0x36cb69, 0x5c0da9, 0x460d92,
    0x309d25, 0x560d25, 0x415a4d, 0x640a56, 0x4e02b6, 0x38c5b5, 0x5e06d5, 0x480ea9, 0x34be92,
    0x5a0e92, 0x440d26, 0x2c6a56, 0x500a57, 0x3d14d6, 0x62035a, 0x4a06d5, 0x36b6c9, 0x5c0749,
    0x460693, 0x2e952b, 0x54052b, 0x3e0a5b, 0x2a555a, 0x4e056a, 0x38fb55, 0x600ba4, 0x4a0b49,
    0x32ba93, 0x580a95, 0x42052d, 0x2c8aad, 0x500ab5, 0x3d35aa, 0x6205d2, 0x4c0da5, 0x36dd4a,
    0x5c0d4a, 0x460c95, 0x30952e, 0x540556, 0x3e0ab5, 0x2a55b2, 0x5006d2, 0x38cea5, 0x5e0725,
    0x48064b, 0x32ac97, 0x560cab, 0x42055a, 0x2c6ad6, 0x520b69, 0x3d7752, 0x620b52, 0x4c0b25,
    0x36da4b, 0x5a0a4b, 0x4404ab, 0x2ea55b, 0x5405ad, 0x3e0b6a, 0x2a5b52, 0x500d92, 0x3afd25,
    0x5e0d25, 0x480a55, 0x32b4ad, 0x5804b6, 0x4005b5, 0x2c6daa, 0x520ec9, 0x3f1e92, 0x620e92,
    0x4c0d26, 0x36ca56, 0x5a0a57, 0x440556, 0x2e86d5, 0x540755, 0x400749, 0x286e93, 0x4e0693,
    0x38f52b, 0x5e052b, 0x460a5b, 0x32b55a, 0x58056a, 0x420b65, 0x2c974a, 0x520b4a, 0x3d1a95,
    0x620a95, 0x4a052d, 0x34caad, 0x5a0ab5, 0x4605aa, 0x2e8ba5, 0x540da5, 0x400d4a, 0x2a7c95,
    0x4e0c96, 0x38f94e, 0x5e0556, 0x480ab5, 0x32b5b2, 0x5806d2, 0x420ea5, 0x2e8e4a, 0x50068b,
    0x3b0c97, 0x6004ab, 0x4a055b, 0x34cad6, 0x5a0b6a, 0x460752, 0x309725, 0x540b45, 0x3e0a8b,
];

/// A date of the lunar calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LunarDate {
    /// Year, named by the year of our calendar in which it begins.
    pub year: i16,
    /// Month, 1 to 12.
    pub month: i8,
    /// Whether it is the leap month after the one of that number.
    pub leap: bool,
    /// Day, 1 to 30.
    pub day: i8,
}

impl LunarDate {
    /// The lunar date of a date; `None` outside of the years that are known.
    pub fn of(date: Date) -> Option<Self> {
        let (year, start) = [date.year(), date.year() - 1]
            .into_iter()
            .filter_map(|year| Some((year, first_day(year)?)))
            .find(|(_, start)| *start <= date)?;
        let mut left = i64::from((date - start).get_days());
        for (month, leap, length) in months(year)? {
            if left < i64::from(length) {
                let day = i8::try_from(left + 1).ok()?;
                return Some(Self { year, month, leap, day });
            }
            left -= i64::from(length);
        }
        None
    }

    /// The date; a day that the month does not have is its last, and a leap month that the
    /// year does not have is its namesake.
    pub fn date(self) -> Option<Date> {
        let has = months(self.year)?.any(|(month, leap, _)| month == self.month && leap);
        let mut day = first_day(self.year)?;
        for (month, leap, length) in months(self.year)? {
            if month == self.month && leap == (self.leap && has) {
                let into = self.day.min(length) - 1;
                return day.checked_add(i32::from(into).days()).ok();
            }
            day = day.checked_add(i32::from(length).days()).ok()?;
        }
        None
    }

    /// The same month and day a year earlier.
    #[must_use]
    pub fn year_before(self) -> Self {
        Self { year: self.year - 1, ..self }
    }

    /// The same day of the month before, leap months counted.
    pub fn month_before(self) -> Option<Self> {
        let all: Vec<(i8, bool, i8)> = months(self.year)?.collect();
        let at = all.iter().position(|(m, leap, _)| *m == self.month && *leap == self.leap)?;
        let (year, (month, leap, _)) = match at.checked_sub(1) {
            Some(before) => (self.year, all[before]),
            None => (self.year - 1, months(self.year - 1)?.last()?),
        };
        Some(Self { year, month, leap, day: self.day })
    }

    /// As `2026-08-15`, with `+` after a leap month.
    pub fn label(self) -> String {
        let leap = if self.leap { "+" } else { "" };
        format!("{}-{:02}{leap}-{:02}", self.year, self.month, self.day)
    }
}

fn entry(year: i16) -> Option<u32> {
    YEARS.get(usize::try_from(year - FIRST).ok()?).copied()
}

fn first_day(year: i16) -> Option<Date> {
    let days = i32::try_from(entry(year)? >> 17).ok()?;
    Date::new(year, 1, 1).ok()?.checked_add(days.days()).ok()
}

/// Months of a year in order: number, leap, days.
fn months(year: i16) -> Option<impl Iterator<Item = (i8, bool, i8)>> {
    let entry = entry(year)?;
    let leap_month = i8::try_from((entry >> 13) & 0xf).ok()?;
    let count = if leap_month > 0 { 13 } else { 12 };
    Some((0..count).map(move |place: i8| {
        let after = leap_month > 0 && place >= leap_month;
        let month = if after { place } else { place + 1 };
        let leap = leap_month > 0 && place == leap_month;
        let length = if (entry >> place) & 1 == 1 { 30 } else { 29 };
        (month, leap, length)
    }))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn spring_festivals_are_where_almanacs_have_them() {
        for (year, month, day) in [
            (1949, 1, 29),
            (1976, 1, 31),
            (2000, 2, 5),
            (2020, 1, 25),
            (2023, 1, 22),
            (2024, 2, 10),
            (2025, 1, 29),
            (2026, 2, 17),
            (2027, 2, 6),
            (2033, 1, 31),
        ] {
            let first = LunarDate::of(date(year, month, day)).unwrap();
            assert_eq!(first, LunarDate { year, month: 1, leap: false, day: 1 });
        }
        // Mid-autumn festivals: the fifteenth of the eighth month.
        for (year, month, day) in [(2020, 10, 1), (2023, 9, 29), (2025, 10, 6), (2026, 9, 25)] {
            let mid = LunarDate { year, month: 8, leap: false, day: 15 };
            assert_eq!(mid.date(), Some(date(year, month, day)));
        }
        let leap = LunarDate::of(date(2023, 3, 22)).unwrap();
        assert_eq!(
            (leap.month, leap.leap, leap.day),
            (2, true, 1),
            "2023 had a second month twice"
        );
    }

    #[test]
    fn every_day_leads_there_and_back() {
        let mut day = date(1901, 2, 19);
        while day.year() < 2098 {
            let lunar = LunarDate::of(day).unwrap();
            assert_eq!(lunar.date(), Some(day), "{day}");
            day = day.checked_add(1.day()).unwrap();
        }
        assert_eq!(LunarDate::of(date(1890, 1, 1)), None);
        assert_eq!(LunarDate::of(date(2120, 1, 1)), None);
    }
}
