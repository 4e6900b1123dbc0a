//! Where a dispute stands, in the words of the payment provider.

/// Where a dispute stands (<https://docs.stripe.com/api/disputes/object>). What begins with `Warning` is an inquiry: the
/// bank asks, and has taken no money yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DisputeStatus {
    /// The bank asks, and waits for an answer.
    WarningNeedsResponse,
    /// The bank asks, and has an answer.
    WarningUnderReview,
    /// The bank asked, and let it be.
    WarningClosed,
    /// The bank has taken the money, and waits for evidence.
    NeedsResponse,
    /// The bank has taken the money, and has evidence.
    UnderReview,
    /// The bank gives the money back to the seller.
    Won,
    /// The money stays with whoever paid.
    Lost,
    /// It was settled by a refund before the bank took anything.
    Prevented,
}

impl DisputeStatus {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::WarningNeedsResponse,
        Self::WarningUnderReview,
        Self::WarningClosed,
        Self::NeedsResponse,
        Self::UnderReview,
        Self::Won,
        Self::Lost,
        Self::Prevented,
    ];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Prevented => "prevented",
        }
    }

    /// Whether nothing comes after it.
    pub const fn is_closed(self) -> bool {
        match self {
            Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented => true,
            Self::WarningNeedsResponse
            | Self::WarningUnderReview
            | Self::NeedsResponse
            | Self::UnderReview => false,
        }
    }

    /// Whether the bank takes the money, or has taken it: every dispute that is more than an inquiry.
    pub const fn is_chargeback(self) -> bool {
        match self {
            Self::NeedsResponse | Self::UnderReview | Self::Won | Self::Lost => true,
            Self::WarningNeedsResponse
            | Self::WarningUnderReview
            | Self::WarningClosed
            | Self::Prevented => false,
        }
    }

    /// Whether Stripe refuses to refund the payment because the bank decides about it.
    pub const fn blocks_refunds(self) -> bool {
        self.is_chargeback() && !self.is_closed()
    }

    /// Where it stands after it was said to stand elsewhere. Events come late and twice, so it only moves on: from an
    /// inquiry to a chargeback, from waiting to reviewed, and to its end, which stays.
    #[must_use]
    pub const fn moved_to(self, said: Self) -> Self {
        if said.step() > self.step() {
            said
        } else {
            self
        }
    }

    const fn step(self) -> u8 {
        match self {
            Self::WarningNeedsResponse => 0,
            Self::WarningUnderReview => 1,
            Self::NeedsResponse => 2,
            Self::UnderReview => 3,
            Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DisputeStatus;

    #[test]
    fn a_dispute_never_moves_back_and_a_closed_one_stays() {
        for one in DisputeStatus::ALL {
            assert_eq!(one.moved_to(*one), *one);
            for other in DisputeStatus::ALL {
                let moved = one.moved_to(*other);
                if one.is_closed() {
                    assert_eq!(moved, *one);
                } else {
                    assert_eq!(moved, other.moved_to(*one), "heard in either order");
                    assert!(!other.is_closed() || moved == *other);
                }
            }
        }
    }
}
