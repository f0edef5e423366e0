//! Shops for tests, and folders that vanish.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use origin_demo::{Settings, Shop, Webhook};

use crate::browser::Browser;

/// The base64 part of the secret every test shop signs with.
pub(crate) const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A shop in memory that tells nobody of its edits.
pub(crate) async fn shop() -> (Shop, Browser) {
    open(Path::new(":memory:"), None).await
}

/// A shop in memory that tells `receiver`.
pub(crate) async fn shop_telling(receiver: SocketAddr) -> (Shop, Browser) {
    open(Path::new(":memory:"), Some(receiver)).await
}

pub(crate) async fn open(data: &Path, receiver: Option<SocketAddr>) -> (Shop, Browser) {
    let webhook = receiver.map(|address| {
        let url = format!("http://{address}/hooks?shop=1");
        Webhook::new(&url, &format!("whsec_{SECRET}")).unwrap()
    });
    let listen = "127.0.0.1:0".parse().unwrap();
    let shop = Shop::start(Settings { listen, data: data.to_owned(), webhook }).await.unwrap();
    let browser = Browser::new(shop.address());
    (shop, browser)
}

/// A folder that is removed when the test is over.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("shop-{}-{number}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    /// The database in it; the shop makes the folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("shop.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
