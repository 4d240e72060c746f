//! What the library has to be besides Rust: it stays loaded, as it has threads and what threads keep.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libconsent_jni.so");
}
