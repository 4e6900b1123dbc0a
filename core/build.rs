//! A new migration rebuilds the embedded set.
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
