//! The suite as separate processes, which a test may kill and start again.

use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use all_in_one::suite::Databases;
use kit::config::Seed;

use crate::patiently;

/// One of the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `manyi-auth`.
    Auth,
    /// `manyi-device`.
    Device,
    /// `manyi-survey`.
    Survey,
    /// `manyi-analytics`.
    Analytics,
    /// `manyi-gateway`.
    Gateway,
}

impl Part {
    /// All, in the order of their dependencies.
    pub const ALL: [Self; 5] =
        [Self::Auth, Self::Device, Self::Survey, Self::Analytics, Self::Gateway];

    fn program(self) -> &'static str {
        match self {
            Self::Auth => "manyi-auth",
            Self::Device => "manyi-device",
            Self::Survey => "manyi-survey",
            Self::Analytics => "manyi-analytics",
            Self::Gateway => "manyi-gateway",
        }
    }
}

struct Process {
    part: Part,
    port: u16,
    settings: Vec<(&'static str, String)>,
    child: Option<Child>,
    log: PathBuf,
}

/// The processes of one suite. They are killed when this is dropped.
pub struct Processes {
    /// The first replica of each part in the order of [`Part::ALL`], then the second ones.
    list: Vec<Process>,
    folder: tempfile::TempDir,
}

impl Processes {
    /// Starts all of them, with settings beyond those they need; returns when their ports
    /// answer.
    pub async fn start(databases: &Databases, seed: Seed, more: &[(&'static str, String)]) -> Self {
        Self::start_replicas(databases, seed, more, 1).await
    }

    /// The same with so many replicas of each part, which share the part's database.
    pub async fn start_replicas(
        databases: &Databases,
        seed: Seed,
        more: &[(&'static str, String)],
        replicas: usize,
    ) -> Self {
        let folder = tempfile::Builder::new().prefix("manyi-e2e-").tempdir().expect("a folder");
        let ports: Vec<u16> = free_ports(replicas * Part::ALL.len());
        let port_of = |part: Part, replica: usize| ports[Part::ALL.len() * replica + part as usize];
        let uris = |part: Part| {
            let uri = |replica| format!("http://127.0.0.1:{}", port_of(part, replica));
            (0..replicas).map(uri).collect::<Vec<_>>().join(",")
        };
        let mut list = Vec::new();
        for replica in 0..replicas {
            list.extend(Part::ALL.map(|part| {
                let port = port_of(part, replica);
                let mut settings = settings(part, databases, &seed, port);
                settings.extend([
                    ("MANYI_AUTH_URI", uris(Part::Auth)),
                    ("MANYI_DEVICE_URI", uris(Part::Device)),
                    ("MANYI_SURVEY_URI", uris(Part::Survey)),
                    ("MANYI_ANALYTICS_URI", uris(Part::Analytics)),
                ]);
                settings.extend_from_slice(more);
                let log = folder.path().join(format!("{}-{replica}.log", part.program()));
                Process { part, port, settings, child: None, log }
            }));
        }
        let mut this = Self { list, folder };
        for part in Part::ALL {
            for replica in 0..replicas {
                this.start_replica(part, replica).await;
            }
        }
        this
    }

    /// Address of the gateway.
    pub fn address(&self) -> String {
        self.address_of(Part::Gateway)
    }

    /// Address of a process, for tests that go past the gateway.
    pub fn address_of(&self, part: Part) -> String {
        format!("http://127.0.0.1:{}", self.list[part as usize].port)
    }

    /// Starts a process that does not run; returns when its port answers.
    ///
    /// # Panics
    /// When it ends at once; its log is part of the message.
    pub async fn start_one(&mut self, part: Part) {
        self.start_replica(part, 0).await;
    }

    /// The same for a replica, counted from 0.
    ///
    /// # Panics
    /// When it ends at once; its log is part of the message.
    pub async fn start_replica(&mut self, part: Part, replica: usize) {
        let process = &mut self.list[Part::ALL.len() * replica + part as usize];
        assert!(process.child.is_none(), "{} runs already", part.program());
        let log = OpenOptions::new().create(true).append(true).open(&process.log).expect("a log");
        let child = Command::new(program(part.program()))
            .envs(process.settings.iter().map(|(key, value)| (key, value)))
            .env_remove("MANYI_TEST_POSTGRES")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|e| panic!("{} does not start: {e}", part.program()));
        process.child = Some(child);
        let address = SocketAddr::from(([127, 0, 0, 1], process.port));
        patiently(part.program(), || {
            process.assert_alive();
            let open = TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok();
            async move { open.then_some(()) }
        })
        .await;
    }

    /// Kills a process as a power cut would: it gets no chance to finish anything.
    pub fn kill(&mut self, part: Part) {
        self.list[part as usize].kill();
    }

    /// The same for a replica, counted from 0.
    pub fn kill_replica(&mut self, part: Part, replica: usize) {
        self.list[Part::ALL.len() * replica + part as usize].kill();
    }

    /// Has a process stand still, or go on: it cannot tell.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self, part: Part, still: bool) {
        let child = self.list[part as usize].child.as_ref().expect("it runs");
        signal(child.id(), if still { "STOP" } else { "CONT" });
    }

    /// Kills a process and starts it again.
    pub async fn restart(&mut self, part: Part) {
        self.kill(part);
        self.start_one(part).await;
    }

    /// Gives a process a setting from its next start on.
    pub fn set(&mut self, part: Part, key: &'static str, value: &str) {
        self.unset(part, key);
        self.list[part as usize].settings.push((key, value.to_owned()));
    }

    /// Takes a setting away from the next start on.
    pub fn unset(&mut self, part: Part, key: &str) {
        self.list[part as usize].settings.retain(|(known, _)| *known != key);
    }

    /// Waits until a process has ended by itself.
    pub async fn wait_until_dead(&mut self, part: Part) {
        let child = self.list[part as usize].child.as_mut().expect("it was started");
        patiently("a process to die", || {
            let ended = child.try_wait().expect("the child can be asked");
            async move { ended.map(drop) }
        })
        .await;
    }

    /// What a process has logged so far.
    pub fn log(&self, part: Part) -> String {
        self.list[part as usize].read_log()
    }

    /// Asks all processes to end, the gateway first, and checks that they do.
    ///
    /// # Panics
    /// When one does not end in time or ends badly.
    pub async fn stop(mut self) {
        self.list.sort_by_key(|process| std::cmp::Reverse(process.part as usize));
        for process in &mut self.list {
            let part = process.part;
            let Some(mut child) = process.child.take() else { continue };
            terminate(&child);
            let until = Instant::now() + Duration::from_secs(45);
            let status = loop {
                match child.try_wait().expect("the child can be asked") {
                    Some(status) => break status,
                    None if Instant::now() > until => {
                        let _ = child.kill();
                        panic!("{} does not end:\n{}", part.program(), process.read_log());
                    }
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            let name = part.program();
            assert!(status.success(), "{name} ended with {status}:\n{}", process.read_log());
        }
    }
}

impl Process {
    fn assert_alive(&mut self) {
        let Some(child) = &mut self.child else { return };
        if let Ok(Some(status)) = child.try_wait() {
            panic!("{} ended with {status}:\n{}", self.part.program(), self.read_log());
        }
    }

    fn read_log(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = File::open(&self.log) {
            let _ = file.read_to_string(&mut text);
        }
        text
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.list.iter_mut().for_each(Process::kill);
    }
}

/// Sends SIGTERM; the standard library can only kill.
///
/// # Panics
/// When it cannot be sent.
pub fn terminate(child: &Child) {
    signal(child.id(), "TERM");
}

/// Sends a signal to one process.
///
/// # Panics
/// When it cannot be sent.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(sent.is_ok_and(|s| s.success()), "no SIG{name} could be sent");
}

/// A program of the suite, which lies beside this test's own.
///
/// # Panics
/// When it is not there.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(Path::parent).expect("target/debug/deps/it-…");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins` first, or `make test`",
        path.display()
    );
    path
}

/// What a part is told, but for where the others are.
fn settings(
    part: Part,
    databases: &Databases,
    seed: &Seed,
    port: u16,
) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("MANYI_INTERNAL_SEED", seed.to_base64()),
        ("MANYI_LISTEN", format!("127.0.0.1:{port}")),
        ("MANYI_LOG", "info".to_owned()),
    ];
    let database = match part {
        Part::Auth => Some(&databases.auth),
        Part::Device => Some(&databases.device),
        Part::Survey => Some(&databases.survey),
        Part::Analytics => Some(&databases.analytics),
        Part::Gateway => None,
    };
    settings.extend(database.map(|url| ("MANYI_DATABASE_URL", url.clone())));
    settings
}

/// Ports that nobody uses now. They are below those that the system gives to outgoing
/// connections, or one of these could take a port between a kill and the next start.
fn free_ports(count: usize) -> Vec<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    const LOWEST: u16 = 10_000;
    const RANGE: u16 = 10_000;
    let own_start = (std::process::id() % u32::from(RANGE)) as u16;
    let next = || {
        let candidates = std::iter::repeat_with(|| {
            let step = TAKEN.fetch_add(1, Ordering::Relaxed);
            LOWEST + own_start.wrapping_add(step) % RANGE
        });
        let mut free = candidates
            .take(usize::from(RANGE))
            .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        free.next().expect("a port is free")
    };
    std::iter::repeat_with(next).take(count).collect()
}
