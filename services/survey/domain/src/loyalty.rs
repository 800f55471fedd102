//! Loyalty (忠诚度) from purchases and referrals, and who is likely to leave.
//!
//! A period is a half-open range of time; the period before it has the same length and ends
//! where it begins. Only purchases with us count, unless competitors are named.

use crate::customer::DAY_US;

mod warning;

pub use warning::{AMOUNT_DAYS, Facts, RECENT_DAYS, Reason, ReasonKind, Warning, warning};

/// What is known of one customer in a period and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Purchases with us in the period.
    pub purchases: i64,
    /// Their amount in hundredths.
    pub cents: i64,
    /// Amount with competitors in the period in hundredths; nothing when none is known.
    pub elsewhere_cents: Option<i64>,
    /// Purchases with us in the period before.
    pub earlier_purchases: i64,
    /// Referrals made in the period.
    pub referrals: i64,
    /// Of these, how many won a customer.
    pub converted: i64,
}

/// Loyalty of a period. Measures whose base is empty are absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Loyalty {
    /// Customers that are meant.
    pub customers: i64,
    /// Customers who bought from us in the period.
    pub buyers: i64,
    /// Purchases with us in the period.
    pub purchases: i64,
    /// Amount of these in hundredths.
    pub cents: i64,
    /// Customers who bought in the period before.
    pub earlier_buyers: i64,
    /// Of these, how many bought again in the period.
    pub retained: i64,
    /// Customers whose purchases with competitors in the period are known.
    pub wallet_customers: i64,
    /// Amount of these with us in hundredths.
    pub wallet_ours_cents: i64,
    /// Amount of these with competitors in hundredths.
    pub wallet_elsewhere_cents: i64,
    /// Customers who bought in the period or the one before.
    pub buyers_of_both: i64,
    /// Referrals made in the period.
    pub referrals: i64,
    /// Customers who made one and bought in the period or the one before.
    pub recommenders: i64,
    /// Of the referrals, how many won a customer.
    pub converted: i64,
    /// Length of the period in microseconds.
    pub period_us: i64,
}

impl Loyalty {
    /// Nothing yet, for a period of this length.
    pub fn of_period(period_us: i64) -> Self {
        Self { period_us, ..Self::default() }
    }

    /// Adds one customer.
    pub fn add(&mut self, counts: &Counts) {
        self.customers += 1;
        let (now, before) = (counts.purchases > 0, counts.earlier_purchases > 0);
        self.buyers += i64::from(now);
        self.purchases += counts.purchases;
        self.cents = self.cents.saturating_add(counts.cents);
        self.earlier_buyers += i64::from(before);
        self.retained += i64::from(now && before);
        if let Some(elsewhere) = counts.elsewhere_cents {
            self.wallet_customers += 1;
            self.wallet_ours_cents = self.wallet_ours_cents.saturating_add(counts.cents);
            self.wallet_elsewhere_cents = self.wallet_elsewhere_cents.saturating_add(elsewhere);
        }
        self.buyers_of_both += i64::from(now || before);
        self.referrals += counts.referrals;
        self.recommenders += i64::from((now || before) && counts.referrals > 0);
        self.converted += counts.converted;
    }

    /// Purchases per buyer and 365 days (购买频率).
    pub fn frequency_per_year(&self) -> Option<f64> {
        let per_buyer = ratio(self.purchases, self.buyers)?;
        let year = 365.0 * DAY_US as f64;
        (self.period_us > 0).then(|| per_buyer * year / self.period_us as f64)
    }

    /// Mean amount of a purchase in hundredths.
    pub fn cents_per_purchase(&self) -> Option<f64> {
        ratio(self.cents, self.purchases)
    }

    /// Mean amount of a buyer in hundredths.
    pub fn cents_per_buyer(&self) -> Option<f64> {
        ratio(self.cents, self.buyers)
    }

    /// Retention (保持率): of the buyers of the period before, the share who bought again.
    pub fn retention(&self) -> Option<f64> {
        ratio(self.retained, self.earlier_buyers)
    }

    /// Churn (流失率): 1 − retention.
    pub fn churn(&self) -> Option<f64> {
        ratio(self.earlier_buyers - self.retained, self.earlier_buyers)
    }

    /// Share of wallet (钱包份额) of those whose purchases with competitors are known: amount
    /// with us / amount with us and with competitors.
    pub fn share_of_wallet(&self) -> Option<f64> {
        let all = self.wallet_ours_cents.saturating_add(self.wallet_elsewhere_cents);
        ratio(self.wallet_ours_cents, all)
    }

    /// Recommendation (推荐率): of the buyers of this period or the one before, the share who
    /// recommended us in the period.
    pub fn recommendation(&self) -> Option<f64> {
        ratio(self.recommenders, self.buyers_of_both)
    }
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn measures_follow_their_definitions() {
        let mut loyalty = Loyalty::of_period(73 * DAY_US);
        loyalty.add(&Counts {
            purchases: 2,
            cents: 300,
            earlier_purchases: 1,
            ..Counts::default()
        });
        loyalty.add(&Counts {
            purchases: 1,
            cents: 100,
            elsewhere_cents: Some(300),
            referrals: 2,
            converted: 1,
            ..Counts::default()
        });
        loyalty.add(&Counts { earlier_purchases: 4, ..Counts::default() });
        loyalty.add(&Counts::default());
        assert_eq!((loyalty.customers, loyalty.buyers, loyalty.purchases), (4, 2, 3));
        // Three purchases of two buyers in a fifth of a year.
        assert_eq!(loyalty.frequency_per_year(), Some(7.5));
        assert_eq!(loyalty.cents_per_purchase(), Some(400.0 / 3.0));
        assert_eq!(loyalty.cents_per_buyer(), Some(200.0));
        assert_eq!(loyalty.retention(), Some(0.5));
        assert_eq!(loyalty.churn(), Some(0.5));
        assert_eq!(loyalty.share_of_wallet(), Some(0.25));
        assert_eq!(loyalty.recommendation(), Some(1.0 / 3.0));
        assert_eq!((loyalty.referrals, loyalty.converted), (2, 1));
    }

    #[test]
    fn measures_without_a_base_are_absent() {
        let mut loyalty = Loyalty::of_period(DAY_US);
        loyalty.add(&Counts::default());
        for measure in [
            loyalty.frequency_per_year(),
            loyalty.cents_per_purchase(),
            loyalty.cents_per_buyer(),
            loyalty.retention(),
            loyalty.churn(),
            loyalty.share_of_wallet(),
            loyalty.recommendation(),
        ] {
            assert_eq!(measure, None);
        }
    }

    fn counts() -> impl Strategy<Value = Counts> {
        let cents = 0..1_000_000_i64;
        (0..5_i64, cents.clone(), prop::option::of(cents), 0..5_i64, 0..3_i64).prop_map(
            |(purchases, cents, elsewhere_cents, earlier_purchases, referrals)| Counts {
                purchases,
                cents: if purchases > 0 { cents } else { 0 },
                elsewhere_cents,
                earlier_purchases,
                referrals,
                converted: referrals / 2,
            },
        )
    }

    proptest! {
        #[test]
        fn shares_are_shares_whatever_the_customers(
            all in prop::collection::vec(counts(), 0..40),
        ) {
            let mut loyalty = Loyalty::of_period(30 * DAY_US);
            all.iter().for_each(|counts| loyalty.add(counts));
            for share in [
                loyalty.retention(),
                loyalty.churn(),
                loyalty.share_of_wallet(),
                loyalty.recommendation(),
            ].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&share));
            }
            if let (Some(kept), Some(lost)) = (loyalty.retention(), loyalty.churn()) {
                prop_assert!((kept + lost - 1.0).abs() < 1e-12);
            }
        }
    }
}
