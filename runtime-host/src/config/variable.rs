//! What is known of a variable: its group in the document, its default, what it expects, what it means.

/// What a group of variables is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Where the host listens and keeps things.
    Host,
    /// Who may do what.
    Access,
    /// How much.
    Limits,
    /// Redis.
    Redis,
    /// The bytes.
    Blobs,
    /// FAL.AI.
    Fal,
    /// Calls to the owners of jobs.
    Webhooks,
    /// What collectors are sent.
    Telemetry,
}

impl Group {
    /// In the order of the document.
    pub(super) const ALL: [Self; 8] =
        [Self::Host, Self::Access, Self::Limits, Self::Redis, Self::Blobs, Self::Fal, Self::Webhooks, Self::Telemetry];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Host => "The host",
            Self::Access => "Who may do what",
            Self::Limits => "Limits",
            Self::Redis => "Redis",
            Self::Blobs => "Images and models",
            Self::Fal => "FAL.AI",
            Self::Webhooks => "Webhooks",
            Self::Telemetry => "Traces and metrics",
        }
    }
}

/// What holds when a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// Something that depends, in words.
    Words(&'static str),
}

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// As it is set.
    pub name: &'static str,
    /// Where it stands in the document.
    pub group: Group,
    /// When it is not set.
    pub fallback: Fallback,
    /// What values there are.
    pub expects: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Never printed.
    pub secret: bool,
}

/// A variable with a value of its own when it is not set.
pub(super) const fn value(
    group: Group,
    name: &'static str,
    fallback: &'static str,
    expects: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable { name, group, fallback: Fallback::Value(fallback), expects, meaning, secret: false }
}

/// A variable whose default depends on something.
pub(super) const fn words(
    group: Group,
    name: &'static str,
    fallback: &'static str,
    expects: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable { name, group, fallback: Fallback::Words(fallback), expects, meaning, secret: false }
}

/// The same variable, never printed.
pub(super) const fn secret(variable: Variable) -> Variable {
    Variable { secret: true, ..variable }
}
