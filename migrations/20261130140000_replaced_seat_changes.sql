-- Other seats that were asked for on flights that were changed since: money that still comes for them goes back.
alter table booking_change drop constraint booking_change_status_known;
alter table booking_change add constraint booking_change_status_known check (status in ('open', 'done', 'expired', 'refunded', 'replaced')) not valid;
alter table booking_change validate constraint booking_change_status_known;
