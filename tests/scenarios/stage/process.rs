//! The real program: `vitrine serve` as a child process, and its other commands run against it.

use super::in_time;
use super::origin::Origin;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running `vitrine serve`.
pub struct Process {
    pub origin: Origin,
    pub data: tempfile::TempDir,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    child: Child,
    config: String,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn succeeded(&self) -> &Ran {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// A command of the program under test.
pub fn vitrine(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Ran {
    in_time("the command ends", async {
        let output = command.output().await.expect("it starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    })
    .await
}

impl Process {
    /// Starts `vitrine serve` with these lines of `proxy.yaml` beside the addresses.
    pub async fn start(lines: &str) -> Process {
        let origin = Origin::open().await;
        let data = tempfile::tempdir().expect("a directory");
        let config = format!(
            "listen: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: \"127.0.0.1:0\" }}\n\
             origin: {{ url: \"http://{}\" }}\ndata_dir: {:?}\nlog: {{ access: off }}\n{lines}",
            origin.address,
            data.path()
        );
        Process::serve(origin, data, super::fronted(config)).await
    }

    /// The same again once it has ended: its files, its origin.
    pub async fn restarted(self) -> Process {
        let Process { origin, data, mut child, config, .. } = self;
        in_time("vitrine ends", child.wait()).await.expect("it ends");
        Process::serve(origin, data, config).await
    }

    async fn serve(origin: Origin, data: tempfile::TempDir, config: String) -> Process {
        let file = data.path().join("proxy.yaml");
        std::fs::write(&file, &config).expect("the directory is writable");
        let mut child = vitrine(&["serve", "--config", &file.to_string_lossy()]).spawn().expect("it starts");
        let (public, admin) = addresses(&mut child).await;
        // The other commands read the admin address from the file.
        let told = config.replace("admin: { address: \"127.0.0.1:0\" }", &format!("admin: {{ address: \"{admin}\" }}"));
        std::fs::write(&file, told).expect("the directory is writable");
        Process { origin, data, public, admin, child, config }
    }

    /// Where its configuration is.
    pub fn file(&self) -> PathBuf {
        self.data.path().join("proxy.yaml")
    }

    /// Runs another command against it.
    pub async fn command(&self, arguments: &[&str]) -> Ran {
        let config = self.file();
        let mut all = arguments.to_vec();
        let config = config.to_string_lossy();
        all.extend(["--config", &config]);
        run(vitrine(&all)).await
    }

    /// GET on a connection of its own.
    pub async fn get(&self, target: &str) -> super::Got {
        let mut client = super::Client::connect(self.public).await;
        client.send(super::request("GET", target, &[])).await;
        client.response("GET").await
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends it a signal by name.
    pub async fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().await;
        assert!(status.expect("kill is there").success());
    }

    /// Waits for its end; the exit code and what it had said on standard error since its start.
    pub async fn ended(mut self) -> (Option<i32>, String) {
        in_time("vitrine ends", async {
            let mut err = String::new();
            if let Some(mut stream) = self.child.stderr.take() {
                stream.read_to_string(&mut err).await.expect("text");
            }
            (self.child.wait().await.expect("it ends").code(), err)
        })
        .await
    }
}

/// Reads the addresses it tells on standard output.
async fn addresses(child: &mut Child) -> (SocketAddr, SocketAddr) {
    let out = child.stdout.take().expect("piped");
    let mut lines = BufReader::new(out).lines();
    let (mut public, mut admin) = (None, None);
    in_time("vitrine listens", async {
        while public.is_none() || admin.is_none() {
            let line = lines.next_line().await.expect("text").expect("vitrine told no address before it ended");
            let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
            let address = address.and_then(|address| address.parse().ok());
            if line.contains("(public)") {
                public = public.or(address);
            } else if line.contains("(admin)") {
                admin = admin.or(address);
            }
        }
    })
    .await;
    // What it says from now on has to go somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (public.expect("told"), admin.expect("told"))
}
