//! Row 8: the all-in-one program on SQLite: memory when idle and under load, and how soon it is
//! ready after its start.

use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use super::{
    Context, DEVICES, check, hall,
    shapes::{FULL, in_flight},
};
use crate::{
    error::{Error, Result},
    load::{Outcome, Slice, Terminal, senders, stream},
    programs::{Program, Start},
    progress::say,
    report::{Goal, Row},
    site::Site,
    stats::{Spread, ms},
    suite::quotas,
};

/// How long nothing happens before memory is called idle.
const IDLE: Duration = Duration::from_secs(3);
/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(50);
/// How long the program may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// Measures.
pub async fn run(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut ready = Vec::new();
    for number in 1..context.effort.repetitions {
        let folder = context.plan.folder.join(format!("fresh-{number}"));
        let (program, time) = start(context, &folder).await?;
        ready.push(ms(time));
        program.stop().await?;
    }
    let folder = context.plan.folder.join("all-in-one");
    let (mut program, time) = start(context, &folder).await?;
    ready.push(ms(time));
    tokio::time::sleep(IDLE).await;
    let idle = program.resident_bytes()?.0;
    say(format_args!("idle: {:.0} MB", megabytes(idle)));
    let site = Site::found(&program.uri(), context.plan.seed).await?;
    let terminals = hall(&site).await?;
    let (outcome, most) = load(context, &program, &terminals).await?;
    let behind = check::caught_up(&site, Terminal::acknowledged(&terminals)).await?;
    program.check()?;
    let peak = program.resident_bytes()?.1;
    program.stop().await?;
    let (again, restart) = start(context, &folder).await?;
    again.stop().await?;
    let database = "SQLite";
    let load = format!(
        "closed loop, {} ratings in flight: {:.0} ratings/s, p99 {:.0} ms, analytics following",
        in_flight(FULL),
        outcome.rate(),
        outcome.latencies.p99_ms()
    );
    Ok(vec![
        Row::new("8 idle", database, "all-in-one: resident memory, idle")
            .value(Spread::one(megabytes(idle)), "MB")
            .goal(Goal::ValueAtMost(100.0)),
        Row::new("8 load", database, "all-in-one: resident memory, most under load")
            .load(load)
            .value(Spread::one(megabytes(most)), "MB")
            .goal(Goal::ValueAtMost(300.0))
            .note(format!("most that the process ever had: {:.0} MB", megabytes(peak)))
            .note(format!("all was counted {:.1} s after the load", behind.as_secs_f64()))
            .note_opt(outcome.remark()),
        Row::new("8 ready", database, "all-in-one: ready after start, fresh data")
            .value(Spread::of(&ready), "ms")
            .goal(Goal::ValueAtMost(1_000.0))
            .note(format!(
                "started again on the {} ratings of the load: {:.0} ms",
                Terminal::acknowledged(&terminals),
                ms(restart)
            )),
    ])
}

/// Starts the program on `folder`; the time until it says that it is ready.
async fn start(context: &Context<'_>, folder: &Path) -> Result<(Program, Duration)> {
    std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    let data = folder.join("data").display().to_string();
    let arguments = ["serve", "--data", &data, "--listen", "127.0.0.1:0"].map(str::to_owned);
    let mut environment = quotas();
    environment.push(("MANYI_INTERNAL_SEED", context.plan.seed.to_base64()));
    let program = context
        .plan
        .programs
        .start(&Start {
            name: "manyi",
            label: None,
            arguments: &arguments,
            environment: &environment,
            folder,
        })
        .await?;
    while !is_ready(&program).await {
        if program.began.elapsed() > READY_MAX {
            return Err(Error::program("manyi", "is not ready"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let time = program.began.elapsed();
    say(format_args!(
        "manyi listens after {:.0} ms and is ready after {:.0} ms",
        ms(program.listening_after),
        ms(time)
    ));
    Ok((program, time))
}

/// Whether `GET /readyz` is answered with 200.
async fn is_ready(program: &Program) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(program.address()).await?;
        let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Ok(true)))
}

/// The full load, and the most memory seen meanwhile.
async fn load(
    context: &Context<'_>,
    program: &Program,
    terminals: &[Terminal],
) -> Result<(Outcome, u64)> {
    let senders = senders(&program.uri(), terminals).await?;
    let slice = Slice::now(context.effort.warm_up, context.effort.slice * 2);
    let stop = CancellationToken::new();
    let sampling = async {
        let mut most = 0;
        while !stop.is_cancelled() {
            most = most.max(program.resident_bytes()?.0);
            tokio::time::sleep(SAMPLE).await;
        }
        Result::Ok(most)
    };
    let loading = async {
        let outcome = stream::run(senders, FULL, slice).await;
        stop.cancel();
        outcome
    };
    let (outcome, most) = tokio::join!(loading, sampling);
    let (outcome, most) = (outcome?, most?);
    say(format_args!(
        "{DEVICES} devices at full load: {:.0} ratings/s, {:.0} MB",
        outcome.rate(),
        megabytes(most)
    ));
    Ok((outcome, most))
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
