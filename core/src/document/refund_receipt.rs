//! Receipts of refunds: numbered without gaps where a refund succeeds, and void when the bank sends the money back.
//!
//! **A credit note corrects an invoice, a receipt says that money came in error.** Only what was invoiced can be
//! corrected (CGST Act, section 34), so a refund of a payment that bought something is a credit note that names the
//! invoice. Money that bought nothing was never a sale: late, doubled or mismatched payments have no invoice, and the
//! fee of a seat that could not be had was left out of it. Their receipt names no invoice and no tax. The two are one
//! kind of document, because they are one thing to whoever gets the money, and two series (`C00012`, `R00003`):
//! returns list credit notes by their first and last number (GSTR-1, table 13), and receipts among them would be gaps.
//!
//! **A receipt is of one movement of money, and is void when that is undone.** Banks send refunds back days after they
//! succeeded. The number was given and stays: a revision takes the receipt's place that says that it is void since
//! that day, and the earlier one stays on file. It could stand as a debt that is still to be paid, but whatever pays
//! the debt is a refund with a receipt of its own, and the invoice would be corrected twice. So valid credit notes
//! always sum to the money that really went back, as the ledger has it.

use sqlx::PgConnection;

use super::{RevisionOf, request_revision};
use crate::Result;
use crate::clock::Clock;
use crate::fault;
use crate::ids::{AccountId, DocumentId, RefundId};
use crate::outbox::{self, RenderDocument};

/// Numbers the receipt of a refund that has succeeded and promises its PDF; once for a refund.
///
/// Belongs at the end of the transaction that settles the refund: its booking is locked before, the counter last.
/// Money that staff gave back in place of seat fees of ours is taken for those, which no invoice has.
pub(crate) async fn request_refund_receipt(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    refund_id: RefundId,
) -> Result<()> {
    let id = DocumentId::new();
    let render = RenderDocument {
        document_id: id,
        revision: 1,
    };
    let job = outbox::Row::new(clock, Some(account_id), &render, None)?;
    // At most 16 characters up to ten million of a series a year, as invoices: from a million on without the slash.
    sqlx::query!(
        r#"
        with subject as materialized (
            select refund.id, refund.booking_id, case
                when refund.reason = 'seat_fees' then null
                when refund.reason in ('made_at_stripe', 'remainder') and refund.amount_minor <= (
                    select coalesce(sum(r.amount_minor) filter (where r.reason = 'seat_fees' and r.status = 'failed'
                               and not exists (select from refund other where other.replaces_id = r.id)), 0)
                         - coalesce(sum(r.amount_minor) filter (where r.reason <> 'seat_fees' and r.status = 'succeeded' and d.corrects_id is null), 0)
                    from refund r left join document d on d.refund_id = r.id
                    where r.payment_id = refund.payment_id and r.id <> refund.id
                ) then null
                else coalesce((
                    -- A seat is on the invoice of its sale, from whichever payment its fee goes back.
                    select line.invoice_id from seat_move
                    join price_line line on line.booking_id = seat_move.booking_id and line.passenger_id = seat_move.passenger_id
                        and line.flight_id = seat_move.flight_id and line.kind = 'seat' and line.amount_minor > 0
                    where refund.reason = 'seat_swap' and seat_move.booking_id = refund.booking_id
                        and seat_move.moved_at between refund.created_at and refund.created_at + interval '1 minute'
                        and seat_move.refund_minor > 0 and line.invoice_id is not null
                    order by line.ordinal desc limit 1
                ), (
                    select invoice.id from document invoice where invoice.payment_id = refund.payment_id and invoice.kind = 'invoice'
                )) end as corrects_id
            from refund
            where refund.id = $4 and not exists (select from document where document.refund_id = $4)
        ), series as (
            select number_prefix as prefix, fiscal_year($3, time_zone, fiscal_year_month) as year from seller
        ), counted as (
            insert into invoice_counter as counter (kind, fiscal_year, last_number)
            select case when corrects_id is null then 'refund_receipt' else 'credit_note' end, year, 1 from subject cross join series
            on conflict on constraint invoice_counter_pkey do update set last_number = counter.last_number + 1
            returning kind, last_number::text as last
        ), made as (
            insert into document (id, account_id, booking_id, kind, created_at, number, refund_id, corrects_id)
            select $1, $2, subject.booking_id, 'refund_receipt', $3,
                prefix || '/' || year || case when length(last) < 7 then '/' else '' end
                    || case counted.kind when 'credit_note' then 'C' else 'R' end || lpad(last, greatest(5, length(last)), '0'),
                subject.id, subject.corrects_id
            from subject cross join series cross join counted
            returning id
        )
        insert into outbox (id, kind, queue, payload, account_id, request_id, trace_parent, max_attempts, created_at, run_after)
        select $5, $6, $7, $8, $2, $9, $10, $11, $3, $3 from made
        "#,
        id.0,
        account_id.0,
        clock.now(),
        refund_id.0,
        job.id.0,
        job.kind,
        job.queue,
        job.payload,
        job.request_id,
        job.trace_parent,
        job.max_attempts,
    )
    .execute(conn)
    .await?;
    fault::point("receipt_numbered");
    Ok(())
}

/// Promises the revision of a receipt that says that it is void: the bank sent the money back. Changes nothing when the
/// refund has no receipt.
pub(crate) async fn void_refund_receipt(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    refund_id: RefundId,
) -> Result<()> {
    request_revision(conn, clock, account_id, RevisionOf::Receipt(refund_id)).await
}
