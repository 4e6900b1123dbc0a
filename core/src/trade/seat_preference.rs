//! Where a passenger would like to sit.

/// Where somebody would like to sit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SeatPreference {
    /// At the window.
    Window,
    /// Between others.
    Middle,
    /// At the aisle.
    Aisle,
}

impl SeatPreference {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Middle => "middle",
            Self::Aisle => "aisle",
        }
    }

    /// The preference of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        [Self::Window, Self::Middle, Self::Aisle]
            .into_iter()
            .find(|wish| wish.as_str() == raw)
    }
}
