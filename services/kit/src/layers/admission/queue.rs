//! Those who wait for room in one shed class. Each organisation has a line of its own and the
//! lines are served in turn, by what their calls cost (deficit round robin): however long one
//! line grows, the others move as fast as before.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;
use uuid::Uuid;

/// What a line may take in one turn; as much as the dearest call, so that a turn lets somebody
/// in.
const TURN: u32 = 16;

/// A call that waits; its sender is closed when the caller has given up.
type Waiting = (u32, oneshot::Sender<()>);

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// What is left of its turn.
    credit: u32,
}

/// The lines of one class.
#[derive(Debug, Default)]
pub struct Queue {
    lines: HashMap<Uuid, Line>,
    /// Whose turn is next; each line stands there once.
    turns: VecDeque<Uuid>,
    len: usize,
}

impl Queue {
    /// Calls that wait, or gave up unnoticed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a call at the end of its organisation's line.
    pub fn push(&mut self, whose: Uuid, cost: u32) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let line = self.lines.entry(whose).or_insert_with(|| {
            self.turns.push_back(whose);
            Line::default()
        });
        line.waiting.push_back((cost, sender));
        self.len += 1;
        receiver
    }

    /// Lets the next one in for whom there is room; whose call it is and what it costs.
    pub fn let_in(&mut self, has_room: impl Fn(Uuid, u32) -> bool) -> Option<(Uuid, u32)> {
        // Lines in a row without room; when all are, there is none.
        let mut stuck = 0;
        while stuck < self.turns.len() {
            let whose = *self.turns.front()?;
            let line = self.lines.entry(whose).or_default();
            let Some((cost, _)) = line.waiting.front() else {
                self.turns.pop_front();
                self.lines.remove(&whose);
                continue;
            };
            let cost = *cost;
            if !has_room(whose, cost) {
                // Not its fault: it keeps what it may take, and its place when all are stuck.
                stuck += 1;
                self.turns.rotate_left(1);
                continue;
            }
            stuck = 0;
            if line.credit < cost {
                // Its turn is over; for the next one it gets more.
                line.credit += TURN;
                self.turns.rotate_left(1);
                continue;
            }
            let (_, waiter) = line.waiting.pop_front()?;
            self.len -= 1;
            if waiter.send(()).is_ok() {
                line.credit -= cost;
                return Some((whose, cost));
            }
        }
        None
    }

    /// Forgets those who gave up.
    pub fn tidy(&mut self) {
        for line in self.lines.values_mut() {
            line.waiting.retain(|(_, waiter)| !waiter.is_closed());
        }
        self.len = self.lines.values().map(|line| line.waiting.len()).sum();
    }

    /// Calls in the line of an organisation.
    pub fn len_of(&self, whose: Uuid) -> usize {
        self.lines.get(&whose).map_or(0, |line| line.waiting.len())
    }

    /// Calls in the longest line.
    pub fn longest(&self) -> usize {
        self.lines.values().map(|line| line.waiting.len()).max().unwrap_or_default()
    }

    /// Sends the last one of the longest line away.
    pub fn send_away(&mut self) {
        let longest = self.lines.values_mut().max_by_key(|line| line.waiting.len());
        if longest.is_some_and(|line| line.waiting.pop_back().is_some()) {
            self.len -= 1;
        }
    }
}
