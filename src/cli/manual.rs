//! Completions and man pages, made from the definition of the arguments.

use super::{Arguments, Failure};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;
use std::path::Path;

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    Ok(std::io::stdout().write_all(&script(shell))?)
}

/// The main page on standard output, or every page as a file.
pub(super) fn pages(out: Option<&Path>) -> Result<(), Failure> {
    let Some(folder) = out else { return Ok(std::io::stdout().write_all(&main_page()?)?) };
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|error| {
        Failure::Failed(format!("cannot write man pages into {}: {error}; the folder must exist", folder.display()))
    })
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "vitrine", &mut script);
    script
}

fn main_page() -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    fn visible_commands() -> Vec<String> {
        let definition = Arguments::command();
        let visible = definition.get_subcommands().filter(|command| !command.is_hide_set());
        visible.map(|command| command.get_name().to_string()).collect()
    }

    #[test]
    fn every_command_is_in_every_completion_script_and_in_the_man_page() {
        assert_eq!(
            visible_commands(),
            ["serve", "check", "status", "clear", "warm", "purge", "explain", "ledger", "completions"]
        );
        let page = String::from_utf8(main_page().unwrap()).unwrap();
        let scripts = Shell::value_variants().iter().map(|shell| String::from_utf8(script(*shell)).unwrap());
        let scripts: Vec<String> = scripts.collect();
        for command in visible_commands() {
            assert!(page.contains(&format!("vitrine\\-{command}(1)")), "{command} is not in\n{page}");
            assert!(scripts.iter().all(|script| script.contains(&command)), "{command}");
        }
    }

    #[test]
    fn each_command_has_a_page_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        pages(Some(folder.path())).unwrap();
        for command in visible_commands() {
            assert!(folder.path().join(format!("vitrine-{command}.1")).exists(), "{command}");
        }
        assert!(pages(Some(Path::new("/nowhere"))).is_err());
    }
}
