//! Gives the library the name under which programs find it: it changes when they have to be rebuilt.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libconsent.so.1");
    println!("cargo:rerun-if-changed=build.rs");
}
