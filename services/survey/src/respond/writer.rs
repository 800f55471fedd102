//! The writers: each takes what waits and writes it in one transaction; answers follow the
//! commit. A group that fails on its data is written one by one, so that what spoils it stands
//! alone; a database that is away fails all that wait, and their senders send them again.

use std::{sync::Arc, time::Duration};

use kit::error::{Result, ServiceError};
use tonic::Code;

use super::{
    Engine, facts,
    group::{self, Placed},
    queue::{Queue, Waiting},
    submission::{Submission, Verdict},
};
use crate::crash_point;

/// How often a group that lost against another transaction is tried again.
const RETRIES: u32 = 4;

/// Writes until the queue is closed and empty.
pub async fn run(engine: Arc<Engine>, queue: Arc<Queue>) {
    while let Some(group) = queue.take().await {
        let engine = engine.clone();
        // A task of its own, so that a panic costs one group and not the writer.
        let written = tokio::spawn(async move { write(&engine, group).await });
        if let Err(error) = written.await {
            tracing::error!(%error, "a writer failed; its senders will send again");
        }
    }
}

async fn write(engine: &Engine, group: Vec<Waiting>) {
    let (submissions, replies): (Vec<Submission>, Vec<_>) =
        group.into_iter().map(|waiting| (waiting.submission, waiting.reply)).unzip();
    let all: Vec<&Submission> = submissions.iter().collect();
    let verdicts = match transact(engine, &all).await {
        Ok(verdicts) => verdicts.into_iter().map(Ok).collect(),
        Err(error) if error.code() == Code::Internal && all.len() > 1 => {
            one_by_one(engine, &all).await
        }
        Err(error) => all.iter().map(|_| Err(to_caller(&error))).collect::<Vec<_>>(),
    };
    for (reply, verdict) in replies.into_iter().zip(verdicts) {
        // A caller that has gone away sends again.
        let _ = reply.send(verdict);
    }
    crash_point::pass("survey.after_answer");
}

async fn one_by_one(engine: &Engine, submissions: &[&Submission]) -> Vec<Result<Verdict>> {
    let mut verdicts = Vec::with_capacity(submissions.len());
    for submission in submissions {
        let verdict = transact(engine, &[submission]).await;
        let verdict = verdict.map(|mut verdicts| verdicts.pop());
        verdicts.push(match verdict {
            Ok(Some(verdict)) => Ok(verdict),
            Ok(None) => Err(ServiceError::unavailable("the answer was not stored")),
            Err(error) => Err(to_caller(&error)),
        });
    }
    verdicts
}

/// What a caller is told of a failed transaction.
fn to_caller(error: &ServiceError) -> ServiceError {
    match error.code() {
        Code::Internal | Code::ResourceExhausted => error.clone(),
        _ => ServiceError::unavailable("the answer could not be stored now; send it again"),
    }
}

/// Writes one group, trying again where another transaction was faster.
pub async fn transact(engine: &Engine, submissions: &[&Submission]) -> Result<Vec<Verdict>> {
    let mut lost = 0;
    loop {
        match attempt(engine, submissions).await {
            Err(error) if error.code() == Code::Aborted && lost < RETRIES => {
                lost += 1;
                let pause = Duration::from_millis(u64::from(rand::random_range(1..10 * lost)));
                tokio::time::sleep(pause).await;
            }
            other => return other,
        }
    }
}

async fn attempt(engine: &Engine, submissions: &[&Submission]) -> Result<Vec<Verdict>> {
    crash_point::pass("survey.before_begin");
    let app = &engine.app;
    let tx = app.db.begin().await?;
    let Placed { verdicts, events, hasher, unstirred } =
        group::place(engine, &tx, submissions).await?;
    let any = facts::append(app, &tx, events).await?;
    crash_point::pass("survey.before_commit");
    tx.commit().await?;
    crash_point::pass("survey.after_commit");
    if any {
        app.outbox.committed();
    }
    engine.to_stir(unstirred);
    if let Some(hasher) = hasher {
        engine.keys.remember(hasher);
    }
    Ok(verdicts)
}
