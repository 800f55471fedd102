//! All of Manyi in one program.

fn main() {}
