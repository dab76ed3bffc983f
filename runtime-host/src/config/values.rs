//! Values that are one of a few words.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $first:literal $(| $other:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$word_doc])* $variant),+ }

        impl $name {
            /// Reads the word, in any case.
            pub(super) fn parse(text: &str) -> Option<Self> {
                match text.to_ascii_lowercase().as_str() {
                    $($first $(| $other)* => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The word itself.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $first),+ }
            }
        }
    };
}

words! {
    /// How strict the host is about missing keys.
    Environment {
        /// Without a key everybody may come in.
        Development = "development" | "dev" | "local",
        /// As production.
        Testing = "testing" | "test",
        /// As production.
        Staging = "staging",
        /// A key is needed.
        Production = "production" | "prod",
    }
}

words! {
    /// Who may see a job whose id they know.
    JobAccess {
        /// Whoever knows the id.
        Open = "open",
        /// Its owner, or the bearer of its access token.
        Owner = "owner",
    }
}

words! {
    /// What to do when it stays unknown whether FAL has accepted a request.
    UncertainSubmits {
        /// The file fails.
        Fail = "fail",
        /// One new request is sent.
        ResubmitOnce = "resubmit-once" | "resubmit_once",
    }
}

words! {
    /// From which level on something is logged; Python's names are understood.
    LogLevel {
        /// Nothing but errors.
        Error = "error" | "critical" | "fatal",
        /// What needs a look.
        Warn = "warn" | "warning",
        /// What happens.
        Info = "info",
        /// Details.
        Debug = "debug",
        /// Everything.
        Trace = "trace" | "notset",
    }
}

words! {
    /// How log lines look.
    LogFormat {
        /// For people in development, for machines elsewhere.
        Auto = "auto",
        /// One line for people.
        Compact = "compact" | "text",
        /// One JSON object a line.
        Json = "json",
    }
}

words! {
    /// What becomes of the access log.
    AccessLog {
        /// Kept in the log store.
        Store = "store",
        /// Kept in the log store and shown with the other lines.
        All = "all" | "on",
        /// Not made.
        Off = "off",
    }
}
