//! The demo shop as a process of its own, with a customer for each hand at each browser.

use crate::pages::Customer;
use rusqlite::Connection;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// What the shop signs its webhooks with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Everybody's.
pub(crate) const PASSWORD: &str = "demo";

/// The shop, until it is dropped.
pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) products: Vec<Product>,
    folder: TempDir,
    process: Child,
}

/// One of its products.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) slug: String,
    pub(crate) name: String,
}

impl Shop {
    /// Opens it. It tells its webhooks to that address.
    pub(crate) fn open(receiver: SocketAddr) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("shop.db");
        let mut command = Command::new(program());
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(&data);
        command.args([
            "--webhook-url",
            &format!("http://{receiver}/webhooks/shop"),
            "--webhook-secret",
            WEBHOOK_SECRET,
        ]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it says where it listens").unwrap();
        let address = first.rsplit("http://").next().and_then(|address| address.parse().ok()).expect(&first);
        thread::spawn(move || lines.for_each(drop));
        let products = products(&data);
        Shop { address, products, folder, process }
    }

    /// Takes in customers: the shop has no page for it.
    pub(crate) fn admit<'a>(&self, customers: impl Iterator<Item = &'a Customer>) {
        let mut database = Connection::open(self.folder.path().join("shop.db")).unwrap();
        let all = database.transaction().unwrap();
        for Customer { login, name } in customers {
            all.execute("INSERT INTO customers (login, name) VALUES (?1, ?2)", [login, name]).unwrap();
        }
        all.commit().unwrap();
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A test that failed may have ended it already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn products(data: &Path) -> Vec<Product> {
    let database = Connection::open(data).unwrap();
    let mut query = database.prepare("SELECT slug, name FROM products ORDER BY id").unwrap();
    let rows = query.query_map([], |row| Ok(Product { slug: row.get(0)?, name: row.get(1)? })).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The shop's program, in the folder of the build under test. Tests of one package do not have another's programs built, so
/// it is asked for here; mostly it is there.
fn program() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_vitrine")).parent().expect("it is in a folder");
    let target = built.parent().expect("it is in the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    // With a test, so that the features of other crates are those they are built with already.
    cargo.args(["build", "--workspace", "--bin", "origin-demo", "--test", "tidy", "--locked", "--offline", "--quiet"]);
    cargo.args(built.ends_with("release").then_some("--release"));
    let cargo = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target).output().unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    built.join("origin-demo")
}
