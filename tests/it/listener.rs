//! A gateway whose clients take all that there is: files, connections.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use e2e::processes::{program, terminate};
use kit::config::Seed;

/// Files that the process may open: fewer than there are clients.
const FILES: u32 = 40;
const CLIENTS: usize = 80;

struct Gateway {
    child: Child,
    address: String,
}

impl Gateway {
    /// Starts one that knows of services which are not there.
    fn start() -> Self {
        let path = program("manyi-gateway");
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -n {FILES}; exec {}", path.display())]);
        for service in ["AUTH", "DEVICE", "SURVEY", "ANALYTICS"] {
            command.env(format!("MANYI_{service}_URI"), "http://127.0.0.1:9");
        }
        let mut child = command
            .env("MANYI_LISTEN", "127.0.0.1:0")
            .env("MANYI_INTERNAL_SEED", Seed::random().to_base64())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("the kernel takes the connection")
    }

    /// Whether it answers a new client within a second.
    fn is_well(&self) -> bool {
        let mut client = self.connect();
        client.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
        let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut answer = [0; 15];
        client.write_all(request).is_ok()
            && client.read_exact(&mut answer).is_ok()
            && answer == *b"HTTP/1.1 200 OK"
    }

    /// What it has computed so far, in ticks of a hundredth of a second.
    fn ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(path).expect("it runs");
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let of_it = fields.split_whitespace().skip(11).take(2);
        of_it.map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// F15 and G41: accepting again and again what cannot be accepted would burn the processor.
#[test]
fn a_process_that_is_out_of_files_rests_and_goes_on_when_there_are_some() {
    let mut gateway = Gateway::start();
    assert!(gateway.is_well());
    // Each says half a request, so that it may stay for a while.
    let hold = || {
        let mut client = gateway.connect();
        client.write_all(b"GET /healthz HTTP/1.1\r\n").expect("the kernel takes it");
        client
    };
    let held: Vec<TcpStream> = (0..CLIENTS).map(|_| hold()).collect();
    assert!(!gateway.is_well(), "there was room for all: this proves nothing");
    let before = gateway.ticks();
    std::thread::sleep(Duration::from_secs(2));
    let burnt = gateway.ticks() - before;
    assert!(burnt < 60, "{burnt} of 200 ticks were burnt");
    drop(held);
    let began = Instant::now();
    while !gateway.is_well() {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not recover");
    }
    terminate(&gateway.child);
    let status = gateway.child.wait().expect("it ends");
    assert!(status.success(), "{status}");
}
