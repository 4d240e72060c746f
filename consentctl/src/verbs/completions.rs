//! `completions`. It speaks with no daemon: a package is built where there is none.

use clap_complete::Shell as Generator;
use consentd_dbus::names::exit;

use crate::args::Shell;
use crate::command;
use crate::failure::Failure;
use crate::screen::Screen;

pub fn completions(shell: Shell, screen: &Screen) -> Result<u8, Failure> {
    let generator = match shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut command(), "consentctl", &mut script);
    screen.text(&String::from_utf8_lossy(&script))?;
    Ok(exit::OK)
}
