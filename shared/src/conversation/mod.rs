//! What is said in a conversation: the history an agent sees, and the answer as people see it.

pub mod answer;
pub mod history;
pub mod names;
pub mod question;
mod trouble;
pub mod turn;
