//! The composition root: the only place that knows every part. It reads the configuration, makes the parts, opens the
//! addresses, and takes all of it down again in the right order.

mod backstage;
mod behind;
mod housekeeping;
mod identity;
mod lanes;
mod reload;
mod serve;
mod session_key;
mod shop;
mod switch;

pub use lanes::Lanes;
pub use reload::ReloadError;
pub use serve::serve;
pub use shop::StartError;

use crate::accept::{Door, Limits, Service};
use crate::admin::{Admin, Phase};
use crate::clock::Clock;
use crate::config;
use crate::dispatch::{Administration, Invalidation, Public};
use reload::Reloader;
use shop::Shop;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where `${NAME}` in the configuration comes from.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Connections to the admin address and to the one for invalidation, each: a few tools, never the public.
const SIDE_CONNECTIONS_MAX: usize = 64;

/// Bytes of a head that the address for invalidation takes, at least: 64 KiB of tags, and what stands around them. No visitor
/// gets there, and no head goes on from there.
const PURGE_HEAD_BYTES_MIN: usize = 80 * 1024;

/// A running vitrine.
pub struct App {
    shop: Arc<Shop>,
    reloader: Arc<Reloader>,
    public: Vec<SocketAddr>,
    admin: SocketAddr,
    invalidation: Option<SocketAddr>,
    /// Ends the public listeners first.
    stop_public: CancellationToken,
    /// Ends what is left.
    stop: CancellationToken,
    public_doors: TaskTracker,
    tasks: TaskTracker,
}

impl App {
    /// Reads the configuration, makes the parts and opens the addresses. Serving has begun when this returns.
    ///
    /// To be called on a runtime, which does all the work.
    ///
    /// # Errors
    /// Every mistake in the configuration, or what could not be opened.
    pub fn start(path: &Path, environment: Environment, clock: Clock) -> Result<App, StartError> {
        App::start_on([Handle::current()], path, environment, clock)
    }

    /// The same, with visitors served on these runtimes, at least one, and everything else on the one that this is called on. They
    /// have to outlast [`App::stop`].
    ///
    /// # Errors
    /// As with [`App::start`].
    pub fn start_on(
        lanes: impl IntoIterator<Item = Handle>,
        path: &Path,
        environment: Environment,
        clock: Clock,
    ) -> Result<App, StartError> {
        let loaded = config::load(path, &*environment).map_err(StartError::Config)?;
        let doors = Doors::open(&loaded.config, &lanes.into_iter().collect::<Vec<_>>())?;
        let key = session_key::session_key(&loaded.config)?;
        let shop = Arc::new(Shop::open(&loaded.config, key.as_ref(), clock)?);
        session_key::end_those_of_another(&shop, &loaded.config, key.as_ref());
        let reloader = Arc::new(Reloader::new(shop.clone(), path, environment, loaded));
        let stage = backstage::Stage::new(&shop, &reloader);
        let settings = reloader.settings().admin.clone();
        let admin = Arc::new(Admin::new(settings, env!("CARGO_PKG_VERSION"), shop.observer.clone(), stage));
        let mut app = App {
            shop,
            reloader,
            public: doors.addresses(),
            admin: doors.admin.address(),
            invalidation: doors.invalidation.as_ref().map(Door::address),
            stop_public: CancellationToken::new(),
            stop: CancellationToken::new(),
            public_doors: TaskTracker::new(),
            tasks: TaskTracker::new(),
        };
        app.serve(doors, admin);
        app.keep_house();
        app.shop.set_phase(Phase::Serving);
        Ok(app)
    }

    /// The public addresses.
    pub fn public_addresses(&self) -> &[SocketAddr] {
        &self.public
    }

    /// The admin address.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The address for PURGE and webhooks, where they have one of their own.
    pub fn invalidation_address(&self) -> Option<SocketAddr> {
        self.invalidation
    }

    /// Reads the configuration again and puts it in force.
    ///
    /// # Errors
    /// Every mistake in it; the old one stays in force.
    pub fn reload(&self) -> Result<crate::admin::Reloaded, ReloadError> {
        self.reloader.reload()
    }

    /// Opens log files again that somebody has moved away.
    pub fn reopen_logs(&self) {
        self.shop.observer.reopen_access_log();
    }

    /// Stops: accepts no more, lets requests under way end up to the drain time, writes what is queued.
    pub async fn stop(self) {
        self.shop.set_phase(Phase::Draining);
        self.stop_public.cancel();
        self.public_doors.close();
        self.public_doors.wait().await;
        self.shop.proxy.finish(self.reloader.settings().limits.drain_timeout).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.shop.close().await;
    }

    fn serve(&mut self, doors: Doors, admin: Arc<Admin<backstage::Stage>>) {
        let settings = self.reloader.settings();
        let limits = Arc::new(settings.limits.clone());
        let public = Arc::new(Public {
            proxy: self.shop.proxy.clone(),
            invalidator: self.shop.invalidator.clone(),
            invalidation_is_elsewhere: doors.invalidation.is_some(),
            observer: self.shop.observer.clone(),
        });
        let places = Arc::new(Semaphore::new(limits.connections_max));
        for (door, lane) in doors.public.into_iter().flatten() {
            let stop = self.stop_public.clone().cancelled_owned();
            let serving = door.serve(public.clone(), limits.clone(), places.clone(), stop);
            self.public_doors.spawn_on(serving, &lane);
        }
        self.serve_side(doors.admin, Administration(admin), &limits);
        if let Some(door) = doors.invalidation {
            let head_bytes_max = limits.head_bytes_max.max(PURGE_HEAD_BYTES_MIN);
            let limits = Arc::new(Limits { head_bytes_max, ..(*limits).clone() });
            self.serve_side(door, Invalidation(self.shop.invalidator.clone()), &limits);
        }
    }

    fn serve_side(&self, door: Door, service: impl Service, limits: &Arc<Limits>) {
        let places = Arc::new(Semaphore::new(SIDE_CONNECTIONS_MAX));
        let stop = self.stop.clone().cancelled_owned();
        self.tasks.spawn(door.serve(Arc::new(service), limits.clone(), places, stop));
    }

    fn keep_house(&self) {
        self.tasks.spawn(housekeeping::keep(self.shop.clone(), self.stop.clone()));
        self.tasks.spawn(reload::follow(self.reloader.clone(), self.stop.clone()));
        for work in self.shop.proxy.upkeep_of_origins() {
            let stop = self.stop.clone();
            self.tasks.spawn(async move { stop.run_until_cancelled(work).await });
        }
        if let Some(log) = &self.shop.log {
            self.tasks.spawn(log.clone().follow(self.shop.ledger.clone(), self.stop.clone()));
        }
    }
}

/// The bound sockets. They are bound before anything else is made, so that a taken port is told at once.
struct Doors {
    /// For each address a door on each lane.
    public: Vec<Vec<(Door, Handle)>>,
    admin: Door,
    invalidation: Option<Door>,
}

impl Doors {
    fn open(config: &config::Config, lanes: &[Handle]) -> Result<Doors, StartError> {
        let open = |address| Door::open(address).map_err(|error| StartError::Listen { address, error });
        let on_lanes = |address| {
            let doors = Door::open_on(address, lanes).map_err(|error| StartError::Listen { address, error })?;
            Ok(doors.into_iter().zip(lanes.iter().cloned()).collect())
        };
        Ok(Doors {
            public: config.listen.iter().map(|listen| on_lanes(listen.address)).collect::<Result<_, StartError>>()?,
            admin: open(config.admin.address)?,
            invalidation: config.invalidation.listen.map(open).transpose()?,
        })
    }

    /// The public addresses: all doors of one share it.
    fn addresses(&self) -> Vec<SocketAddr> {
        self.public.iter().filter_map(|doors| doors.first()).map(|(door, _)| door.address()).collect()
    }
}
