//! The stage: a whole vitrine with a held clock between a scripted origin and clients on raw sockets. A scenario is what
//! the origin says, what the client asks, and what both expect.

mod client;
mod gate;
mod origin;
pub mod process;

pub use client::{Client, Got, find};
pub use gate::Gate;
pub use origin::{Asked, Line, Origin, answer, head_only, made, page, raw, silence};

use std::future::Future;
use std::time::Duration;
use vitrine::app::App;
use vitrine::clock::{Clock, HeldClock, Timestamp};

/// Noon of a day in November 2026, in milliseconds.
pub const NOON: Timestamp = Timestamp(1_795_521_600_000);

/// The routes that most plays need.
pub const ROUTES: &str = r#"
routes:
  - { name: home, match: "/", ttl: 5m, tags: [products] }
  - { name: product, match: "/products/{product}", ttl: 30m, cache: products, tags: ["product:{product}"] }
  - { name: checkout, match: "/checkout/{*path}", pass: true }
cookies: { session: [sessionid], personal: [basket], key: [currency], drop: [seen] }
query: { ignore: [utm_*] }
"#;

/// The configuration with the front turned off, where `VITRINE_FRONT=off` says that all plays are to be run without it and the play
/// does not say itself.
fn fronted(config: String) -> String {
    let is_off = std::env::var("VITRINE_FRONT").is_ok_and(|front| front == "off");
    let says_itself = config.lines().any(|line| line.starts_with("front:"));
    if is_off && !says_itself { format!("front: off\n{config}") } else { config }
}

/// A whole vitrine between an origin and clients.
pub struct Stage {
    pub app: App,
    pub origin: Origin,
    pub clock: HeldClock,
    pub data: tempfile::TempDir,
    config: String,
}

impl Stage {
    /// Opens with [`ROUTES`] and nothing behind memory.
    pub async fn open() -> Stage {
        Stage::with(&format!("store: {{ backend: memory }}\n{ROUTES}")).await
    }

    /// Opens with [`ROUTES`] and these further keys of the origin.
    pub async fn open_with_origin(keys: &str) -> Stage {
        Stage::with_origin(keys, &format!("store: {{ backend: memory }}\n{ROUTES}")).await
    }

    /// Opens with these lines of `proxy.yaml` beside the addresses.
    pub async fn with(lines: &str) -> Stage {
        Stage::with_origin("response_timeout: 5s", lines).await
    }

    /// Opens with these further keys of the origin, and these lines of `proxy.yaml` beside it and the addresses.
    pub async fn with_origin(keys: &str, lines: &str) -> Stage {
        let origin = Origin::open().await;
        let lines = format!("origin: {{ url: \"http://{}\", {keys} }}\n{lines}", origin.address);
        Stage::before(origin, &lines)
    }

    /// Opens with one origin of two servers, of which the first is the stage's own, and these further keys of it; gives the
    /// second server too.
    pub async fn with_two_servers(keys: &str, lines: &str) -> (Stage, Origin) {
        let (one, two) = (Origin::open().await, Origin::open().await);
        let servers = format!("[http://{}, http://{}]", one.address, two.address);
        let stage = Stage::before(one, &format!("origin: {{ servers: {servers}, {keys} }}\n{lines}"));
        (stage, two)
    }

    /// Opens with these lines, which say where the origins are.
    pub fn before(origin: Origin, lines: &str) -> Stage {
        let data = tempfile::tempdir().expect("a directory");
        let config = format!(
            "listen: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: 127.0.0.1:0 }}\n\
             data_dir: {:?}\nlog: {{ access: off }}\n{lines}",
            data.path()
        );
        Stage::over(origin, data, config)
    }

    /// Opens with a whole `proxy.yaml`: its `${ORIGIN}`, `${LISTEN}`, `${ADMIN}` and `${DATA}` are the play's.
    pub async fn of_file(config: String) -> Stage {
        Stage::over(Origin::open().await, tempfile::tempdir().expect("a directory"), config)
    }

    fn over(origin: Origin, data: tempfile::TempDir, config: String) -> Stage {
        let (clock, hand) = Clock::held(NOON);
        let config = fronted(config);
        let app = start(&config, &data, &origin, clock);
        Stage { app, origin, clock: hand, data, config }
    }

    /// Stops vitrine and starts it again over the same files, with the clock where it was.
    pub async fn restart(self) -> Stage {
        self.stopped(|| ()).await
    }

    /// The same, with another configuration.
    pub async fn restarted_with(mut self, change: impl FnOnce(&str) -> String) -> Stage {
        self.config = change(&self.config);
        self.restart().await
    }

    /// The same, with something done to the files in between.
    pub async fn stopped(self, meanwhile: impl FnOnce()) -> Stage {
        let Stage { app, origin, clock, data, config } = self;
        app.stop().await;
        meanwhile();
        let app = start(&config, &data, &origin, clock.clock());
        Stage { app, origin, clock, data, config }
    }

    /// A new connection.
    pub async fn client(&self) -> Client {
        Client::connect(self.app.public_addresses()[0]).await
    }

    /// GET on a connection of its own.
    pub async fn get(&self, target: &str) -> Got {
        self.ask("GET", target, &[]).await
    }

    /// GET with further fields.
    pub async fn get_with(&self, target: &str, fields: &[&str]) -> Got {
        self.ask("GET", target, fields).await
    }

    /// Any request without a body.
    pub async fn ask(&self, method: &str, target: &str, fields: &[&str]) -> Got {
        let mut client = self.client().await;
        client.send(request(method, target, fields)).await;
        client.response(method).await
    }

    /// GET from the admin address.
    pub async fn admin(&self, target: &str) -> Got {
        let mut client = Client::connect(self.app.admin_address()).await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.app.admin_address())).await;
        client.response("GET").await
    }

    /// Waits until the admin API's status says so.
    pub async fn status_shows(&self, what: &str, holds: impl Fn(&serde_json::Value) -> bool) {
        in_time(what, async {
            while !holds(&serde_json::from_str(&self.admin("/api/v1/status").await.text()).expect("JSON")) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until a page that is fetched behind is there; until then the old one is served.
    pub async fn fetched_behind(&self, target: &str, old: &str, new: &str) {
        in_time("the new page is there", async {
            loop {
                let got = self.get(target).await;
                if got.text() == new {
                    return;
                }
                got.expect(200, old);
            }
        })
        .await;
    }

    /// Sends a request with a body.
    pub async fn post(&self, target: &str, body: &str) -> Got {
        let mut client = self.client().await;
        let length = format!("content-length: {}", body.len());
        client.send(request("POST", target, &[&length]) + body).await;
        client.response("POST").await
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Saves another configuration, as an editor does: beside it, then in its place.
    pub fn save(&self, config: &str) {
        let file = self.data.path().join("proxy.yaml");
        let beside = file.with_extension("new");
        std::fs::write(&beside, config).expect("the directory is writable");
        std::fs::rename(&beside, &file).expect("the directory is writable");
    }

    /// A purge that must succeed.
    pub async fn purge(&self, target: &str) {
        assert_eq!(self.ask("PURGE", target, &[]).await.status, 200);
    }

    /// A purge by tag that must succeed.
    pub async fn purge_tag(&self, tag: &str) {
        assert_eq!(self.ask("PURGE", "/", &[&format!("Surrogate-Key: {tag}")]).await.status, 200);
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// The bytes of a request to `shop.example`.
pub fn request(method: &str, target: &str, fields: &[&str]) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\n{fields}\r\n")
}

fn start(config: &str, data: &tempfile::TempDir, origin: &Origin, clock: Clock) -> App {
    let file = data.path().join("proxy.yaml");
    std::fs::write(&file, config).expect("the directory is writable");
    let (origin, folder) = (format!("http://{}", origin.address), data.path().display().to_string());
    let environment = move |name: &str| match name {
        "ORIGIN" => Some(origin.clone()),
        "LISTEN" | "ADMIN" => Some("127.0.0.1:0".to_string()),
        "DATA" => Some(folder.clone()),
        _ => None,
    };
    match App::start(&file, std::sync::Arc::new(environment), clock) {
        Ok(app) => app,
        Err(error) => panic!("vitrine does not start: {error}"),
    }
}

/// Waits for what has to happen, and says what did not.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(20), future).await;
    waited.unwrap_or_else(|_| panic!("waited 20 s until {what}"))
}
