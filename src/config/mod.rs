//! Options: one table drives parsing, defaults, validation and `docs/configuration.md`.
//!
//! ```
//! use twinpool::Options;
//!
//! let mut options = Options::new();
//! options.parse("master={DSN=a;PWD=s3cret}; mirror={DSN=b}; pool.max=4")?;
//! let (settings, warnings) = options.validate()?;
//! assert_eq!(settings.pool.max, 4);
//! assert_eq!(options.get("master")?, "DSN=a;PWD=***");
//! assert!(warnings.is_empty());
//! # Ok::<(), twinpool::Error>(())
//! ```

mod document;
mod hikari;
mod options;
mod read;
mod secrets;
mod settings;
mod store;
mod suggest;
mod validate;

pub use options::{Kind, Row, TABLE};
pub use secrets::mask;
pub use settings::*;
pub use store::{Entry, Options};
