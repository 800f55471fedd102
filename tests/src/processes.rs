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
    list: Vec<Process>,
    folder: tempfile::TempDir,
}

impl Processes {
    /// Starts all of them, with settings beyond those they need; returns when their ports
    /// answer.
    pub async fn start(databases: &Databases, seed: Seed, more: &[(&'static str, String)]) -> Self {
        let folder = tempfile::Builder::new().prefix("manyi-e2e-").tempdir().expect("a folder");
        let ports = free_ports();
        let uri = |part: Part| format!("http://127.0.0.1:{}", ports[part as usize]);
        let peers = [
            ("MANYI_AUTH_URI", uri(Part::Auth)),
            ("MANYI_DEVICE_URI", uri(Part::Device)),
            ("MANYI_SURVEY_URI", uri(Part::Survey)),
            ("MANYI_ANALYTICS_URI", uri(Part::Analytics)),
        ];
        let list = Part::ALL.map(|part| {
            let port = ports[part as usize];
            let mut settings = vec![
                ("MANYI_INTERNAL_SEED", seed.to_base64()),
                ("MANYI_LISTEN", format!("127.0.0.1:{port}")),
                ("MANYI_LOG", "info".to_owned()),
            ];
            match part {
                Part::Auth => settings.push(("MANYI_DATABASE_URL", databases.auth.clone())),
                Part::Device => settings.push(("MANYI_DATABASE_URL", databases.device.clone())),
                Part::Survey => settings.push(("MANYI_DATABASE_URL", databases.survey.clone())),
                Part::Analytics => {
                    settings.push(("MANYI_DATABASE_URL", databases.analytics.clone()));
                }
                Part::Gateway => {}
            }
            settings.extend(peers.clone());
            settings.extend_from_slice(more);
            let log = folder.path().join(format!("{}.log", part.program()));
            Process { part, port, settings, child: None, log }
        });
        let mut this = Self { list: list.into(), folder };
        for part in Part::ALL {
            this.start_one(part).await;
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
        let process = &mut self.list[part as usize];
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
        for part in Part::ALL.into_iter().rev() {
            let process = &mut self.list[part as usize];
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
    let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    assert!(sent.is_ok_and(|s| s.success()), "no SIGTERM could be sent");
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

/// Four ports that nobody uses now. They are below those that the system gives to outgoing
/// connections, or one of these could take a port between a kill and the next start.
fn free_ports() -> [u16; 5] {
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
    [(); 5].map(|()| next())
}
