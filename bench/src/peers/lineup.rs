//! Who stands in the line, and how each is configured: as somebody would who knows it well and has one core for it.

use super::origin::Origin;
use super::running::{Plan, Running, folder, free_address};
use std::io;
use std::path::{Path, PathBuf};

/// A memory tier that holds all that is fetched here. `haproxy` writes to all of it at the start.
const CACHE_MIB: &str = "1024";
/// Varnish's messages, which nobody reads here.
const VARNISH_SILENT: &str = "-Begin,-End,-Link,-Timestamp,-ReqStart,-ReqMethod,-ReqURL,-ReqProtocol,-ReqHeader,-ReqUnset,\
    -ReqAcct,-RespMethod,-RespURL,-RespProtocol,-RespStatus,-RespReason,-RespHeader,-RespUnset,-BereqMethod,-BereqURL,\
    -BereqProtocol,-BereqHeader,-BereqUnset,-BereqAcct,-BerespProtocol,-BerespStatus,-BerespReason,-BerespHeader,\
    -BerespUnset,-VCL_call,-VCL_return,-VCL_use,-Hit,-HitMiss,-HitPass,-TTL,-Storage,-Length,-Fetch_Body,-Filters,\
    -BackendOpen,-BackendStart,-BackendClose,-BackendReuse,-SessOpen,-SessClose";

const TO_A_FILE: &str = "log: { access: access.log }";

/// A server in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With these lines of `proxy.yaml`.
    Vitrine(String),
    Haproxy,
    Nginx {
        sendfile: bool,
    },
    TrafficServer,
    Varnish,
    Squid,
    Pingora,
    /// hyper, sending vitrine's hits.
    BareHyper,
    /// hyper on both sides, for passes and misses.
    HyperProxy,
    /// An epoll loop, sending vitrine's hits.
    BareEpoll,
    /// The same, with their contents from files in memory.
    BareSendfile,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Row {
    fn new(name: &str, kind: Kind) -> Row {
        Row { name: name.into(), kind }
    }

    /// Whether it is another's proxy with a cache.
    pub(super) fn is_peer(&self) -> bool {
        !self.is_vitrine() && !self.is_floor()
    }

    pub(super) fn is_vitrine(&self) -> bool {
        matches!(self.kind, Kind::Vitrine(_))
    }

    /// Whether another row differs from it in nothing but what a hit costs.
    pub(super) fn is_a_twin(&self) -> bool {
        match &self.kind {
            Kind::Vitrine(lines) => lines == TO_A_FILE,
            Kind::Nginx { sendfile } => !sendfile,
            _ => false,
        }
    }

    /// Whether it has a cache.
    pub(super) fn caches(&self) -> bool {
        !self.is_floor()
    }

    /// Whether it sends given bytes, whatever is asked for.
    pub(super) fn sends_samples(&self) -> bool {
        matches!(self.kind, Kind::BareHyper | Kind::BareEpoll | Kind::BareSendfile)
    }

    /// Whether it has no cache: a floor to stand beside.
    pub(super) fn is_floor(&self) -> bool {
        matches!(self.kind, Kind::BareHyper | Kind::HyperProxy | Kind::BareEpoll | Kind::BareSendfile)
    }
}

/// Where pingora's proxy is after `bench/peers` has built it.
pub(super) fn pingora() -> io::Result<PathBuf> {
    let target = std::env::current_exe()?;
    let target = target.parent().and_then(Path::parent).ok_or_else(|| io::Error::other("no target folder"))?;
    Ok(target.join("pingora/release/vitrine-bench-pingora"))
}

/// All rows; `lines` are those of `proxy.yaml` that get a row of their own.
pub(super) fn rows(lines: &[String]) -> io::Result<Vec<Row>> {
    let mut rows = vec![
        Row::new("vitrine", Kind::Vitrine(String::new())),
        Row::new("vitrine, access log to a file", Kind::Vitrine(TO_A_FILE.into())),
    ];
    rows.extend(lines.iter().map(|line| Row::new(&format!("vitrine, {line}"), Kind::Vitrine(line.clone()))));
    rows.extend([
        Row::new("HAProxy", Kind::Haproxy),
        Row::new("nginx, sendfile on", Kind::Nginx { sendfile: true }),
        Row::new("nginx, sendfile off", Kind::Nginx { sendfile: false }),
        Row::new("Traffic Server", Kind::TrafficServer),
        Row::new("Varnish", Kind::Varnish),
        Row::new("Squid", Kind::Squid),
    ]);
    if pingora()?.is_file() {
        rows.push(Row::new("pingora", Kind::Pingora));
    } else {
        println!("pingora is not built and left out; bench/peers builds it for whole runs");
    }
    rows.extend([
        Row::new("bare hyper", Kind::BareHyper),
        Row::new("hyper server and client, no cache", Kind::HyperProxy),
        Row::new("bare epoll loop", Kind::BareEpoll),
        Row::new("bare epoll loop, sendfile", Kind::BareSendfile),
    ]);
    Ok(rows)
}

/// Starts a server and waits until it accepts connections.
pub(super) fn start(kind: &Kind, origin: &Origin) -> io::Result<Running> {
    let mut running = launch(kind, origin, &[])?;
    running.wait()?;
    Ok(running)
}

/// What a bare server sends at one of its addresses.
pub(super) struct Sample {
    /// An answer of vitrine.
    pub(super) answer: Vec<u8>,
    /// In how many places in memory it has it: one for each page that a proxy would have.
    pub(super) copies: u64,
}

/// Starts a server. There is one of the `samples` for each column that the bare ones serve.
pub(super) fn launch(kind: &Kind, origin: &Origin, samples: &[Sample]) -> io::Result<Running> {
    let own = std::env::current_exe()?;
    let setting = Setting::new(origin)?;
    let plan = match kind {
        Kind::Vitrine(lines) => setting.vitrine(own.with_file_name("vitrine"), lines)?,
        Kind::Haproxy => setting.haproxy(CACHE_MIB)?,
        Kind::Nginx { sendfile } => {
            let sendfile = if *sendfile { "on" } else { "off" };
            let user = if is_root()? { "user root;" } else { "" };
            let marks = [("SENDFILE", sendfile), ("USER", user)];
            let file = setting.write("nginx.conf", include_str!("configs/nginx.conf"), &marks)?;
            setting.plan("nginx", &["-c", &file])?
        }
        Kind::TrafficServer => setting.traffic_server()?,
        Kind::Varnish => setting.varnish()?,
        Kind::Squid => {
            let user = if is_root()? { "cache_effective_user proxy" } else { "" };
            let file = setting.write("squid.conf", include_str!("configs/squid.conf"), &[("USER", user)])?;
            // What it shares in memory has the service's name in it.
            let service = format!("vitrine{}", std::process::id());
            setting.plan("squid", &["-N", "-n", &service, "-f", &file])?
        }
        Kind::Pingora => {
            let (listen, origin) = (setting.listen.clone(), setting.origin.clone());
            setting.plan(pingora()?, &[&listen, &origin])?
        }
        Kind::HyperProxy => {
            let (listen, origin) = (setting.listen.clone(), setting.origin.clone());
            setting.plan(own, &["relay", &listen, &origin])?
        }
        Kind::BareHyper => setting.bare(own, "bare-hyper", samples)?,
        Kind::BareEpoll => setting.bare(own, "bare-epoll", samples)?,
        Kind::BareSendfile => setting.bare(own, "bare-sendfile", samples)?,
    };
    Running::launch(plan)
}

/// Starts `haproxy` with a cache of another size.
pub(super) fn start_haproxy(origin: &Origin, mib: u64) -> io::Result<Running> {
    let mut running = Running::launch(Setting::new(origin)?.haproxy(&mib.to_string())?)?;
    running.wait()?;
    Ok(running)
}

/// What the configuration files of one server are made with.
struct Setting {
    folder: tempfile::TempDir,
    listen: String,
    origin: String,
}

impl Setting {
    fn new(origin: &Origin) -> io::Result<Setting> {
        let (listen, origin) = (free_address()?.to_string(), origin.address.to_string());
        Ok(Setting { folder: folder()?, listen, origin })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes a file with its marks filled in; its path.
    fn write(&self, name: &str, text: &str, marks: &[(&str, &str)]) -> io::Result<String> {
        let split = |address: &str| {
            let (host, port) = address.split_once(':').unwrap_or_default();
            (host.to_owned(), port.to_owned())
        };
        let (listen, origin) = (split(&self.listen), split(&self.origin));
        let folder = self.folder.path().to_string_lossy();
        let own = [
            ("LISTEN", self.listen.as_str()),
            ("LISTEN_HOST", &listen.0),
            ("LISTEN_PORT", &listen.1),
            ("ORIGIN", &self.origin),
            ("ORIGIN_HOST", &origin.0),
            ("ORIGIN_PORT", &origin.1),
            ("FOLDER", &folder),
        ];
        let text = own
            .iter()
            .chain(marks)
            .fold(text.to_owned(), |text, (mark, value)| text.replace(&format!("@{mark}@"), value));
        let path = self.path(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    fn plan(self, program: impl Into<PathBuf>, arguments: &[&str]) -> io::Result<Plan> {
        Ok(Plan {
            program: program.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            addresses: vec![self.listen.parse().map_err(io::Error::other)?],
            folder: self.folder,
        })
    }

    fn vitrine(self, program: PathBuf, lines: &str) -> io::Result<Plan> {
        let lines = if lines.contains("log:") { lines.to_owned() } else { format!("log: {{ access: off }}\n{lines}") };
        let file = self.write("proxy.yaml", include_str!("configs/vitrine.yaml"), &[("LINES", &lines)])?;
        self.plan(program, &["serve", "--config", &file])
    }

    fn haproxy(self, cache_mib: &str) -> io::Result<Plan> {
        let file = self.write("haproxy.cfg", include_str!("configs/haproxy.cfg"), &[("CACHE_MIB", cache_mib)])?;
        self.plan("haproxy", &["-db", "-f", &file])
    }

    fn varnish(self) -> io::Result<Plan> {
        let file = self.write("varnish.vcl", include_str!("configs/varnish.vcl"), &[])?;
        let (listen, work) = (self.listen.clone(), self.path("work"));
        let mask = format!("vsl_mask={VARNISH_SILENT}");
        let store = format!("malloc,{CACHE_MIB}M");
        let fixed = ["-F", "-j", "none", "-f", &file, "-a", &listen, "-n", &work, "-s", &store];
        let tuned = ["-p", "thread_pools=1", "-p", "thread_pool_min=600", "-p", "thread_pool_max=600", "-p", &mask];
        self.plan("varnishd", &[&fixed[..], &tuned[..]].concat())
    }

    fn traffic_server(self) -> io::Result<Plan> {
        for part in ["etc", "cache", "run", "log"] {
            std::fs::create_dir(self.folder.path().join(part))?;
        }
        self.write("etc/records.config", include_str!("configs/records.config"), &[])?;
        self.write("etc/remap.config", include_str!("configs/remap.config"), &[])?;
        self.write("etc/storage.config", "@FOLDER@/cache 2G\n", &[])?;
        self.write("etc/ip_allow.yaml", include_str!("configs/ip_allow.yaml"), &[])?;
        let root = self.write("runroot.yaml", include_str!("configs/runroot.yaml"), &[])?;
        self.plan("traffic_server", &[&format!("--run-root={root}")])
    }

    /// An address for each sample.
    fn bare(self, program: PathBuf, command: &str, samples: &[Sample]) -> io::Result<Plan> {
        let (mut arguments, mut addresses) = (vec![command.to_owned()], Vec::new());
        for (number, sample) in samples.iter().enumerate() {
            let (file, address) = (self.path(&format!("sample-{number}")), free_address()?);
            std::fs::write(&file, &sample.answer)?;
            arguments.push(format!("{address}={}={file}", sample.copies));
            addresses.push(address);
        }
        Ok(Plan { program, arguments, addresses, folder: self.folder })
    }
}

fn is_root() -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    // Of this process: its own folder belongs to whom it runs as.
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}
