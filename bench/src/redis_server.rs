//! A Redis server as a child process: on a free port of loopback, in a folder of its own, on one core, ended when it is dropped.
//! It writes nothing to disk. Shared with `examples/redis_figures`.

use crate::measure;
use std::io;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// For a start.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server.
pub(crate) struct RedisServer {
    port: u16,
    core: &'static str,
    // Before its folder: it ends first.
    process: Option<Child>,
    folder: TempDir,
}

impl RedisServer {
    /// A server on a core that answers.
    pub(crate) async fn start(core: &'static str) -> io::Result<RedisServer> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = RedisServer { port, core, process: None, folder: tempfile::tempdir()? };
        server.restart().await?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it, again on the same port, and waits until it answers.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        self.kill().await?;
        let mut command = Command::new("taskset");
        command.args(["-c", self.core, "redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.folder.path());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        self.process = Some(process);
        let began = Instant::now();
        while !self.answers().await {
            if began.elapsed() > DEADLINE {
                return Err(io::Error::other("redis-server did not come up; is it installed?"));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Ends it as `kill -9` does.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Sends a signal by its name: `STOP` keeps it from running, connections open, until `CONT`.
    pub(crate) async fn signal(&self, name: &str) -> io::Result<()> {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id()?.to_string()).status().await?;
        if sent.success() { Ok(()) } else { Err(io::Error::other(format!("{name} was not sent to redis-server"))) }
    }

    /// CPU time that it took so far.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        measure::cpu(self.id()?)
    }

    fn id(&self) -> io::Result<u32> {
        self.process.as_ref().and_then(Child::id).ok_or_else(|| io::Error::other("redis-server has ended"))
    }

    async fn answers(&self) -> bool {
        let asked = timeout(Duration::from_secs(1), async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).await?;
            Ok::<_, io::Error>(answer == *b"+PONG\r\n")
        });
        matches!(asked.await, Ok(Ok(true)))
    }
}
