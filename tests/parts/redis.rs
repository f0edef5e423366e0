//! A real Redis server for one test: on a free port of loopback, in a folder of its own, ended when it is dropped.

use redis::Commands;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

/// A server, or a sentinel.
pub(crate) struct Server {
    port: u16,
    /// What the process reads its settings from, instead of from its arguments.
    file: Option<&'static str>,
    arguments: Vec<String>,
    folder: TempDir,
    process: Option<Child>,
    password: Option<String>,
}

impl Server {
    /// A server with these settings of its own, as in `["--maxmemory", "10mb"]`. It writes nothing to disk unless they say so.
    pub(crate) fn start(arguments: &[&str]) -> Server {
        let mut server = Server::ready(arguments);
        server.restart();
        server
    }

    /// A server that is not started yet.
    pub(crate) fn ready(arguments: &[&str]) -> Server {
        Server {
            port: free_port(),
            file: None,
            arguments: arguments.iter().map(ToString::to_string).collect(),
            folder: tempfile::tempdir().unwrap(),
            process: None,
            password: arguments.windows(2).find(|two| two[0] == "--requirepass").map(|two| two[1].into()),
        }
    }

    /// A server that reads its settings, and nothing else, from a file: this text, made for a folder and a port.
    pub(crate) fn configured(text: impl FnOnce(&Path, u16) -> String) -> Server {
        let mut server = Server::ready(&[]);
        server.file = Some("redis.conf");
        std::fs::write(server.folder().join("redis.conf"), text(server.folder(), server.port)).unwrap();
        server.restart();
        server
    }

    /// A sentinel with these lines in its file, where it also writes down what it learns.
    pub(crate) fn sentinel(lines: &[String], password: Option<&str>) -> Server {
        let mut sentinel = Server::ready(&["--sentinel"]);
        sentinel.file = Some("sentinel.conf");
        sentinel.password = password.map(Into::into);
        let (port, folder) = (sentinel.port, sentinel.folder.path());
        let mut text = format!("bind 127.0.0.1\nport {port}\ndir {0}\nlogfile {0}/redis.log\n", folder.display());
        for line in lines.iter().cloned().chain(password.map(|own| format!("requirepass {own}"))) {
            text += &(line + "\n");
        }
        std::fs::write(folder.join("sentinel.conf"), text).unwrap();
        sentinel.restart();
        sentinel
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a password.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it again, on the same port and folder, and waits until it has loaded.
    pub(crate) fn restart(&mut self) {
        self.launch();
        let start = Instant::now();
        while !self.answers() {
            assert!(start.elapsed() < DEADLINE, "redis-server did not come up: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn launch(&mut self) {
        self.kill();
        let log = self.folder.path().join("redis.log");
        let mut command = Command::new("redis-server");
        if let Some(file) = self.file {
            command.arg(self.folder.path().join(file));
        } else {
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
            command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.folder.path());
            command.arg("--logfile").arg(log);
        }
        command.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let started = command.spawn();
        self.process = Some(started.expect("redis-server is missing; install it with: apt-get install redis-server"));
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops it from running, connections open, until [`Server::resume`].
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it run on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// A connection of the test's own.
    pub(crate) fn connection(&self) -> redis::Connection {
        self.connect().unwrap()
    }

    /// The same while it may be changing its role: sentinels end every connection with that.
    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        let password = self.password.as_deref().map(|own| format!(":{own}@")).unwrap_or_default();
        let client = redis::Client::open(format!("redis://{password}127.0.0.1:{}/0", self.port))?;
        let connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(connection)
    }

    /// Runs a command; an error of the server's is the test's.
    pub(crate) fn run<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        self.ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Runs a command that may fail.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query(&mut self.connect()?)
    }

    /// A line of what it tells of itself; empty where there is none.
    pub(crate) fn info(&self, section: &str, name: &str) -> String {
        let info: redis::InfoDict = self.run(&["INFO", section]);
        info.get(name).unwrap_or_default()
    }

    /// Waits until something is so of it.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Server) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < DEADLINE, "still waiting for {what}; its log: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it is running, or stopped for a while.
    pub(crate) fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// What it wrote in its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("redis.log")).unwrap_or_default()
    }

    fn answers(&self) -> bool {
        let Ok(client) = redis::Client::open(self.url()) else { return false };
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        if std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            return false;
        }
        match client
            .get_connection_with_timeout(Duration::from_secs(1))
            .and_then(|mut connection| connection.ping::<String>())
        {
            Ok(_) => true,
            // It is up, and wants a password.
            Err(error) => error.to_string().contains("NOAUTH"),
        }
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(process.id().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// A port that nobody else takes, also while its server is away: below those that the system gives to connections, and for
/// each process of tests from a range of its own.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 400).unwrap();
    for _ in 0..1_000 {
        let port = 11_000 + process * 50 + NEXT.fetch_add(1, Ordering::Relaxed) % 50;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
