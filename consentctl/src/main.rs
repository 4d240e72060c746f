//! consentctl, the shell tool. See the library for what it is.

fn main() -> std::process::ExitCode {
    consentctl::main()
}
