//! A stretch of network between a client and the gateway that a test can cut.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Passes connections on to one address. Ends with the test's runtime.
#[derive(Clone)]
pub struct Relay {
    /// Where it listens, such as `http://127.0.0.1:41234`.
    pub address: String,
    said: Arc<Mutex<Vec<u8>>>,
    cuts: watch::Sender<u32>,
}

impl Relay {
    /// To `target`, which is like `http://127.0.0.1:8080`.
    pub async fn to(target: &str) -> Self {
        let target = target.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound port").port();
        let address = format!("http://127.0.0.1:{port}");
        let relay = Self { address, said: Arc::default(), cuts: watch::Sender::new(0) };
        let this = relay.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(this.clone().pass(client, target.clone()));
            }
        });
        relay
    }

    /// Closes every connection that is open now; new ones are passed on.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// All that clients have sent so far.
    pub fn said(&self) -> String {
        let said = self.said.lock().expect("no holder panics");
        String::from_utf8_lossy(&said).into_owned()
    }

    async fn pass(self, client: TcpStream, target: String) {
        let mut cut = self.cuts.subscribe();
        let Ok(gateway) = TcpStream::connect(target).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_gateway, to_gateway) = gateway.into_split();
        let record = |bytes: &[u8]| {
            self.said.lock().expect("no holder panics").extend_from_slice(bytes);
        };
        tokio::select! {
            () = copy(from_client, to_gateway, record) => {}
            () = copy(from_gateway, to_client, |_| {}) => {}
            _ = cut.changed() => {}
        }
    }
}

/// Until either side ends.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, see: impl Fn(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        see(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
