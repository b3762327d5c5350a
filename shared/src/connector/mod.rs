//! Third parties that an organization can connect: one folder each, one word in the list below.

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

        impl std::str::FromStr for ConnectorKind {
            type Err = UnknownConnector;

            fn from_str(name: &str) -> Result<Self, UnknownConnector> {
                match name {
                    $(stringify!($module) => Ok(Self::$kind),)*
                    _ => Err(UnknownConnector),
                }
            }
        }
    };
}

connectors! { slack: Slack }

/// A name that no connector has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown connector")]
pub struct UnknownConnector;

impl std::fmt::Display for ConnectorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
