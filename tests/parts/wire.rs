//! A wire between a program and a server that a test can hold, make one-way, or cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They go through.
    Whole,
    /// They wait, both ways; connections stay open, and new ones are taken.
    Held,
    /// Questions with this text in them wait.
    HeldAt(&'static str),
    /// Questions go through, answers are lost.
    Deaf,
    /// Connections are closed, new ones too.
    Cut,
}

/// A wire to one server.
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Where new connections go.
    port: AtomicU16,
    mode: Mutex<Mode>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
    holding: AtomicUsize,
}

impl Wire {
    /// A wire to a port of loopback.
    pub(crate) fn to(port: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State {
            port: AtomicU16::new(port),
            mode: Mutex::new(Mode::Whole),
            changed: Condvar::new(),
            open: Mutex::default(),
            holding: AtomicUsize::new(0),
        });
        let wire = Wire { address: listener.local_addr().unwrap(), state: state.clone() };
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if state.mode() != Mode::Cut
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", state.port.load(Ordering::SeqCst)))
                {
                    state.join(client, server);
                }
            }
        });
        wire
    }

    /// The port of its near end.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Leads new connections to another port; those that are open stay.
    pub(crate) fn lead_to(&self, port: u16) {
        self.state.port.store(port, Ordering::SeqCst);
    }

    /// Whether something waits on it.
    pub(crate) fn is_holding(&self) -> bool {
        self.state.holding.load(Ordering::SeqCst) > 0
    }

    /// From now on this becomes of bytes.
    pub(crate) fn set(&self, mode: Mode) {
        *self.state.mode.lock().unwrap() = mode;
        self.state.changed.notify_all();
        if mode == Mode::Cut {
            self.cut_open_ones();
        }
    }

    /// Closes the connections that are open; new ones are taken.
    pub(crate) fn cut_open_ones(&self) {
        for end in self.state.open.lock().unwrap().drain(..) {
            // It may be closed already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }

    fn join(self: &Arc<State>, client: TcpStream, server: TcpStream) {
        let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        for end in &both {
            end.set_nodelay(true).unwrap();
        }
        self.open.lock().unwrap().extend(both.each_ref().map(|end| end.try_clone().unwrap()));
        let [to_client, to_server] = both;
        let (up, down) = (self.clone(), self.clone());
        thread::spawn(move || up.carry(client, to_server, false));
        thread::spawn(move || down.carry(server, to_client, true));
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, are_answers: bool) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let bytes = &bytes[..count];
            let waits = |mode: &mut Mode| match *mode {
                Mode::Held => true,
                Mode::HeldAt(text) => !are_answers && bytes.windows(text.len()).any(|part| part == text.as_bytes()),
                _ => false,
            };
            let mut mode = self.mode.lock().unwrap();
            if waits(&mut mode) {
                self.holding.fetch_add(1, Ordering::SeqCst);
                mode = self.changed.wait_while(mode, waits).unwrap();
                self.holding.fetch_sub(1, Ordering::SeqCst);
            }
            let is_lost = *mode == Mode::Deaf && are_answers;
            drop(mode);
            if !is_lost && to.write_all(bytes).is_err() {
                break;
            }
        }
        // It may be closed already.
        let _ = to.shutdown(Shutdown::Write);
    }
}
