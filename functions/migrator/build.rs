//! A migration that is added must be compiled in: the macro that reads the folder does not notice new files by itself.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
