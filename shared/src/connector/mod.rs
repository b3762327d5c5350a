//! Third parties that an organization can connect: one folder each, one word in the list below.
//!
//! A folder holds `mod.rs` (the connector and its types), `api.rs` (the few calls that we make), `event.rs` where it
//! tells us things, and `fake.rs`, which plays the third party in tests and on a laptop. What a connector must be able to
//! do is [`contract::Connector`]. Nothing outside of its folder names it: who works with connections asks [`Connectors`].

pub mod contract;
#[cfg(feature = "test-support")]
pub mod fake;
mod plain;

use std::fmt;

/// The list: declares the modules, [`ConnectorKind`] with its names, and [`Connectors`], which finds the connector of a
/// kind. Exported for the tests, which make a list of their own.
#[cfg_attr(feature = "test-support", macro_export)]
macro_rules! connectors {
    ($($module:ident: $kind:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// A third party that can be connected.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ConnectorKind {
            $(
                #[doc = concat!("See [`", stringify!($module), "`].")]
                $kind,
            )*
        }

        impl ConnectorKind {
            /// Every connector there is.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The name as it stands in the database, in routes and in logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($module),)*
                }
            }
        }

        /// All connectors, ready to be used.
        #[derive(Clone)]
        pub struct Connectors {
            $($module: std::sync::Arc<dyn $crate::connector::contract::DynConnector>,)*
        }

        impl Connectors {
            /// All connectors, as the environment describes them.
            ///
            /// # Errors
            /// The first variable that a connector cannot use.
            pub fn from_env(
                env: &mut $crate::config::Env,
                parts: &$crate::connector::contract::Parts,
            ) -> Result<Self, $crate::connector::contract::SetupError> {
                use $crate::connector::contract::Connector;
                Ok(Self {
                    $($module: std::sync::Arc::new(<$module::$kind as Connector>::configure(env, parts)?),)*
                })
            }

            /// The connector of one kind, for a function that works with no other: the others are as if nobody had set them
            /// up, and their variables are not read.
            ///
            /// # Errors
            /// The first variable that the connector cannot use.
            pub fn only(
                kind: ConnectorKind,
                env: &mut $crate::config::Env,
                parts: &$crate::connector::contract::Parts,
            ) -> Result<Self, $crate::connector::contract::SetupError> {
                use $crate::connector::contract::Connector;
                let nothing = &mut $crate::config::Env::from_pairs::<String, String>([]);
                Ok(Self {
                    $($module: {
                        let env = if kind == ConnectorKind::$kind { &mut *env } else { &mut *nothing };
                        std::sync::Arc::new(<$module::$kind as Connector>::configure(env, parts)?)
                    },)*
                })
            }

            /// The same, with another connector of one kind.
            #[cfg(feature = "test-support")]
            #[must_use]
            pub fn with(
                mut self,
                kind: ConnectorKind,
                connector: std::sync::Arc<dyn $crate::connector::contract::DynConnector>,
            ) -> Self {
                match kind {
                    $(ConnectorKind::$kind => self.$module = connector,)*
                }
                self
            }

            /// The connector of a kind.
            #[must_use]
            pub fn get(&self, kind: ConnectorKind) -> &dyn $crate::connector::contract::DynConnector {
                match kind {
                    $(ConnectorKind::$kind => &*self.$module,)*
                }
            }
        }

        #[cfg(feature = "test-support")]
        impl ConnectorKind {
            /// The third party, as tests and laptops have it.
            ///
            /// # Errors
            /// When its server does not start.
            pub async fn start_fake(self) -> std::io::Result<Box<dyn $crate::connector::fake::Vendor>> {
                Ok(match self {
                    $(Self::$kind => Box::new($module::fake::vendor().await?),)*
                })
            }
        }

        impl std::str::FromStr for ConnectorKind {
            type Err = $crate::connector::UnknownConnector;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $(stringify!($module) => Ok(Self::$kind),)*
                    _ => Err($crate::connector::UnknownConnector),
                }
            }
        }
    };
}

connectors! { slack: Slack, github: GitHub, gcp: Gcp, pagerduty: PagerDuty, datadog: Datadog, aws: Aws }

impl fmt::Debug for Connectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connectors")
    }
}

/// A name that no connector has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown connector")]
pub struct UnknownConnector;

impl fmt::Display for ConnectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
