//! A server as a child process on a core of its own, and what it costs.

use super::measure;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// For the admin API, which else asks for a Host of loopback.
pub(crate) const ADMIN_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) public: SocketAddr,
    admin: Option<SocketAddr>,
    child: Child,
}

/// Which program is run, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a> {
    /// Of its file, which is beside ours.
    pub(crate) name: &'a str,
    /// Added to its environment.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// As in `proxy.yaml`.
    pub(crate) routes: &'a str,
}

impl Default for Program<'_> {
    fn default() -> Self {
        let routes = "[{ name: own, match: \"/own/{*path}\", audience: session, ttl: 1h },\n\
                      { name: pass, match: \"/pass/{*path}\", pass: true },\n\
                      { name: all, match: \"/{*path}\", ttl: 1h }]";
        Program { name: "vitrine", environment: &[], routes }
    }
}

impl Server {
    /// vitrine, with these lines beside the addresses.
    pub(crate) async fn vitrine(folder: &Path, origin: SocketAddr, lines: &str) -> io::Result<Server> {
        Server::of(Program::default(), folder, origin, lines).await
    }

    /// The same, of another program, or with other routes.
    pub(crate) async fn of(program: Program<'_>, folder: &Path, origin: SocketAddr, lines: &str) -> io::Result<Server> {
        let file = folder.join("proxy.yaml");
        let config = format!(
            "listen: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: 127.0.0.1:0, token: {ADMIN_TOKEN} }}\nthreads: 1\n\
             origin: {{ url: \"http://{origin}\" }}\ndata_dir: {}\n\
             routes: {}\n{lines}\n",
            folder.display(),
            program.routes
        );
        std::fs::write(&file, config)?;
        let path = std::env::current_exe()?.with_file_name(program.name);
        Server::start(&path, &["serve", "--config", &file.to_string_lossy()], program.environment, 2).await
    }

    /// The bare hyper server.
    pub(crate) async fn bare() -> io::Result<Server> {
        Server::start(&std::env::current_exe()?, &["bare"], &[], 1).await
    }

    /// The bare relay to that origin.
    pub(crate) async fn relay(origin: SocketAddr) -> io::Result<Server> {
        Server::start(&std::env::current_exe()?, &["relay", "127.0.0.1:0", &origin.to_string()], &[], 1).await
    }

    async fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        addresses: usize,
    ) -> io::Result<Server> {
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(program)
            .args(arguments)
            // That the configuration could be better is known.
            .env("VITRINE_LOG", "error")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut lines = BufReader::new(out).lines();
        let mut told = Vec::new();
        while told.len() < addresses {
            let line = lines.next_line().await?.ok_or_else(|| io::Error::other("the server did not start"))?;
            let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
            told.extend(address.and_then(|address| address.parse::<SocketAddr>().ok()));
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Server { public: told[0], admin: told.get(1).copied(), child })
    }

    /// Where the admin API is.
    pub(crate) fn admin(&self) -> io::Result<SocketAddr> {
        self.admin.ok_or_else(|| io::Error::other("the server has no admin API"))
    }

    /// Ends it in good order: everything is written.
    pub(crate) async fn stop(mut self) -> io::Result<()> {
        Command::new("kill").arg(self.id()?.to_string()).status().await?;
        self.child.wait().await.map(drop)
    }

    /// CPU time of all its threads, user and system.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()?))?;
        cpu_of(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat cannot be read"))
    }

    /// CPU time of those of its threads that run now, to some microseconds.
    pub(crate) fn cpu_exact(&self) -> io::Result<Duration> {
        measure::cpu(self.id()?)
    }

    /// Bytes of memory that it holds now.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("/proc/PID/status cannot be read"))
    }

    fn id(&self) -> io::Result<u32> {
        self.child.id().ok_or_else(|| io::Error::other("the server has ended"))
    }
}

/// Fields 14 and 15 in ticks of 10 ms, counted behind the program's name, which may hold blanks.
fn cpu_of(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 12 30 0 0 20 0 1 0 100 0 0";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(420)));
        assert_eq!(cpu_of("7 (a"), None);
    }
}
