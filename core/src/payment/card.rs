//! Which card a payment was made with: asked of Stripe once, when the first document is made.

use sqlx::PgConnection;

use super::stripe::Card;
use crate::Result;
use crate::ids::{DocumentId, PaymentId};

/// A payment whose card nobody has asked about.
#[derive(Clone, Debug)]
pub struct Cardless {
    /// The payment.
    pub payment_id: PaymentId,
    /// Stripe's `PaymentIntent`.
    pub payment_intent: String,
}

/// The payments behind a document's booking, and the one behind a receipt's refund, whose card is not known yet.
pub async fn list_cardless(
    conn: &mut PgConnection,
    document_id: DocumentId,
) -> Result<Vec<Cardless>> {
    let payments = sqlx::query_as!(
        Cardless,
        r#"
        select payment.id as "payment_id: PaymentId", stripe_payment_intent_id as "payment_intent!"
        from document
        join payment on payment.id in (select payment_id from payment_share where booking_id = document.booking_id)
        left join refund on refund.id = document.refund_id
        where document.id = $1 and (payment.status = 'succeeded' or payment.id = refund.payment_id) and card_last4 is null
            and stripe_payment_intent_id is not null
        order by payment.id
        "#,
        document_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(payments)
}

/// Files the card of a payment; what is known already stays.
pub async fn record_card(conn: &mut PgConnection, id: PaymentId, card: &Card) -> Result<()> {
    sqlx::query!(
        "update payment set card_brand = $2, card_last4 = $3 where id = $1 and card_last4 is null",
        id.0,
        card.brand,
        card.last4,
    )
    .execute(conn)
    .await?;
    Ok(())
}
