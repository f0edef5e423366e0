//! Prometheus as Debian packages it: `apt-get install prometheus` brings `prometheus` and `promtool`.

use crate::deploy;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn tool(name: &str) -> Command {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    assert!(found, "{name} is missing: apt-get install prometheus");
    Command::new(name)
}

#[test]
fn promtool_finds_nothing_wrong() {
    for arguments in [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"]] {
        let output = tool("promtool").args(arguments).current_dir(deploy()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("SUCCESS"), "{said}");
    }
}

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn vitrine(data: &Path, origin: SocketAddr) -> (Running, SocketAddr, SocketAddr) {
    let file = data.join("proxy.yaml");
    let config = format!(
        "listen: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: 127.0.0.1:0 }}\norigin: {{ url: \"http://{origin}\" }}\n\
         data_dir: {}\nlog: {{ access: off }}\nroutes: [{{ name: home, match: \"/\", ttl: 5m }}]\n",
        data.display()
    );
    std::fs::write(&file, config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(["serve", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut addresses = lines.map_while(Result::ok).map(|line| {
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        address.parse().unwrap()
    });
    let (public, admin) = (addresses.next().unwrap(), addresses.next().unwrap());
    (Running(child), public, admin)
}

/// An origin that says the same to everybody.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    if line == "\r\n" {
                        // Whoever asked may have gone.
                        let _ = writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhome");
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

fn get(address: SocketAddr, target: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).is_ok() {
        // What came before it broke off is what there is.
        let _ = stream.read_to_string(&mut answer);
    }
    answer
}

#[test]
fn a_real_prometheus_reads_the_hit_rate_of_a_running_vitrine() {
    let data = tempfile::tempdir().unwrap();
    let (_vitrine, public, admin) = vitrine(data.path(), origin());
    for _ in 0..10 {
        assert!(get(public, "/").ends_with("home"));
    }

    let config = std::fs::read_to_string(deploy().join("prometheus.yml")).unwrap();
    let config = config.replace("127.0.0.1:8081", &admin.to_string()).replace("interval: 15s", "interval: 1s");
    std::fs::write(data.path().join("prometheus.yml"), config).unwrap();
    std::fs::copy(deploy().join("alerts.yml"), data.path().join("alerts.yml")).unwrap();
    // Prometheus takes no port 0: ask for a free one and hope that nobody else does in between.
    let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let prometheus = tool("prometheus")
        .arg(format!("--config.file={}", data.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", data.path().join("tsdb").display()))
        .arg(format!("--web.listen-address={own}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _prometheus = Running(prometheus);

    let query = "/api/v1/query?query=vitrine_requests_total%7Boutcome%3D%22hit%22%7D";
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let answer = get(own, query);
        if answer.contains(r#""route":"home""#) && answer.contains(r#","9"]"#) {
            break;
        }
        assert!(Instant::now() < deadline, "Prometheus has not seen nine hits: {answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let targets = get(own, "/api/v1/targets");
    assert!(targets.contains(r#""health":"up""#), "{targets}");
}
