//! Sessions of people: families of refresh tokens, each usable once.

use uuid::Uuid;

/// How long a session lives without being refreshed: 14 days.
pub const IDLE_US: i64 = 14 * 24 * 3_600 * 1_000_000;
/// How long a session lives at all: 90 days.
pub const LIFE_US: i64 = 90 * 24 * 3_600 * 1_000_000;
/// Time in which a lost answer may be asked for again: 10 seconds.
pub const RETRY_US: i64 = 10 * 1_000_000;
/// Sessions alive of one user; a further sign-in ends the oldest.
pub const SESSIONS_MAX: usize = 50;
/// Life of an access token in seconds.
pub const ACCESS_LIFE_S: i64 = 600;

/// A sign-in. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// When the person signed in.
    pub create_us: i64,
    /// When it was last refreshed.
    pub refresh_us: i64,
    /// When it ends unless refreshed.
    pub expire_us: i64,
    /// When it was ended.
    pub revoke_us: Option<i64>,
}

impl Session {
    /// A new one.
    pub fn begin(id: Uuid, user: Uuid, now_us: i64) -> Self {
        let expire_us = now_us + IDLE_US;
        Self { id, user, create_us: now_us, refresh_us: now_us, expire_us, revoke_us: None }
    }

    /// Whether it is neither ended nor over.
    pub fn is_alive(&self, now_us: i64) -> bool {
        self.revoke_us.is_none() && now_us < self.expire_us
    }

    /// After a refresh.
    #[must_use]
    pub fn refreshed(self, now_us: i64) -> Self {
        let expire_us = (now_us + IDLE_US).min(self.create_us + LIFE_US);
        Self { refresh_us: now_us, expire_us, ..self }
    }
}

/// A refresh token as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshState {
    /// When it was used.
    pub used_us: Option<i64>,
    /// Whether its answer was given a second time.
    pub repeated: bool,
    /// Whether the token that it was exchanged for was used: then its answer was not lost.
    pub successor_used: bool,
}

/// What to do with a refresh token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Use it up and give a successor.
    Rotate,
    /// Give the same successor again: the first answer was lost.
    Repeat,
    /// It was stolen, from or by whoever presents it: end the session.
    Reuse,
    /// The session is over already.
    Over,
}

/// Decides about a refresh token.
pub fn refresh(session: &Session, token: RefreshState, now_us: i64) -> Refresh {
    if !session.is_alive(now_us) {
        return Refresh::Over;
    }
    match token.used_us {
        None => Refresh::Rotate,
        Some(used_us) => {
            let lost = !token.repeated && !token.successor_used;
            let repeat = lost && now_us - used_us <= RETRY_US;
            if repeat { Refresh::Repeat } else { Refresh::Reuse }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn a_refresh_token_is_good_once_and_its_answer_twice_within_ten_seconds() {
        let session = Session::begin(Uuid::nil(), Uuid::nil(), 0);
        let fresh = RefreshState { used_us: None, repeated: false, successor_used: false };
        let used = RefreshState { used_us: Some(S), ..fresh };
        let twice = RefreshState { repeated: true, ..used };
        let followed = RefreshState { successor_used: true, ..used };
        assert_eq!(refresh(&session, fresh, 5 * S), Refresh::Rotate);
        assert_eq!(refresh(&session, used, 11 * S), Refresh::Repeat);
        assert_eq!(refresh(&session, used, 11 * S + 1), Refresh::Reuse);
        assert_eq!(refresh(&session, twice, 2 * S), Refresh::Reuse);
        assert_eq!(refresh(&session, followed, 2 * S), Refresh::Reuse);
        assert_eq!(refresh(&session, fresh, IDLE_US), Refresh::Over);
    }

    #[test]
    fn refreshing_prolongs_a_session_but_not_for_ever() {
        let mut session = Session::begin(Uuid::nil(), Uuid::nil(), 0);
        let mut now = 0;
        while session.is_alive(now) {
            session = session.refreshed(now);
            now += IDLE_US / 2;
        }
        assert!((LIFE_US..=LIFE_US + IDLE_US).contains(&now));
    }
}
