//! What holds for every connector, whichever it is: the suite, over all that are in the list, and over one more that was
//! written as CONTRIBUTING.md says.
//!
//! Nothing here changes when a connector is added: [`suite`] takes whatever is in the list.

#![expect(clippy::expect_used, reason = "a story that cannot be set up has failed")]

// The example in `connector` is written as if it stood in `shared::connector`.
use shared::{config, http};

#[expect(unreachable_pub, reason = "it is written as if it stood in the library")]
mod connector;
mod guide;
mod suite;
