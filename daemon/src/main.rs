//! consentd, the daemon. See the library for what it is.

fn main() -> std::process::ExitCode {
    consentd::run::main()
}
