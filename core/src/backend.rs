//! The back-ends that may be away while PostgreSQL and Redis are there.

/// What jobs need beside PostgreSQL and Redis, and what may be away for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Where documents are kept.
    Storage,
    /// The mail server.
    Mail,
    /// Stripe.
    Payments,
}

impl Backend {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Storage, Self::Mail, Self::Payments];

    /// The name in the database and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Mail => "mail",
            Self::Payments => "payments",
        }
    }

    /// What people call it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Storage => "the document store",
            Self::Mail => "the mail server",
            Self::Payments => "the payment provider",
        }
    }
}
