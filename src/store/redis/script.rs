//! The scripts, each fixed text that the server runs in one piece. What comes from outside is only ever an argument.

use redis::{Cmd, Script, cmd};
use std::sync::LazyLock;

/// Stores one variant.
pub(super) static PUT: LazyLock<Program> = LazyLock::new(|| Program::new(include_str!("put.lua")));
/// Lets variants go.
pub(super) static DROP: LazyLock<Program> = LazyLock::new(|| Program::new(include_str!("drop.lua")));

/// A script and the name that the server has for it.
#[derive(Debug)]
pub(super) struct Program {
    text: &'static str,
    sha: String,
}

impl Program {
    fn new(text: &'static str) -> Program {
        Program { text, sha: Script::new(text).get_hash().into() }
    }

    /// Runs it by its name, on one page.
    pub(super) fn by_name(&self, page: &str, arguments: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.sha, page, arguments)
    }

    /// Runs it by its text, for a server that does not know it yet, and does after.
    pub(super) fn by_text(&self, page: &str, arguments: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, page, arguments)
    }

    /// Makes it known.
    pub(super) fn load(&self) -> Cmd {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(self.text);
        load
    }
}

fn call(verb: &str, script: &str, page: &str, arguments: &[&[u8]]) -> Cmd {
    let mut call = cmd(verb);
    call.arg(script).arg(1).arg(page).arg(arguments);
    call
}
