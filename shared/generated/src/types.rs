// This file was generated with `cornucopia`. Do not modify.

#[derive(Debug, Clone, Copy)]
pub struct FieldMetadata {
    pub name: &'static str,
    pub rust_type: &'static str,
    pub pg_type: &'static str,
}
