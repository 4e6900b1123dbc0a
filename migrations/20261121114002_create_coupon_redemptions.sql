-- Who used which coupon. `coupon.used` and `coupon_account.used` count the redemptions that were not given back.

create table coupon_redemption (
    booking_id     uuid        not null,
    code           text        not null,
    account_id     uuid        not null,
    currency       text        not null,
    discount_minor bigint      not null,
    redeemed_at    timestamptz not null,
    -- the booking ended unpaid; late money may redeem it again
    returned_at    timestamptz,
    constraint coupon_redemption_pkey primary key (booking_id),
    constraint coupon_redemption_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint coupon_redemption_coupon_fkey foreign key (code) references coupon (code),
    constraint coupon_redemption_account_fkey foreign key (account_id) references account (id),
    constraint coupon_redemption_discount_positive check (discount_minor > 0)
);
create index coupon_redemption_code_idx on coupon_redemption (code, account_id) where returned_at is null;

create table coupon_account (
    code       text    not null,
    account_id uuid    not null,
    used       integer not null,
    constraint coupon_account_pkey primary key (code, account_id),
    constraint coupon_account_coupon_fkey foreign key (code) references coupon (code) on delete cascade,
    constraint coupon_account_account_fkey foreign key (account_id) references account (id) on delete cascade,
    constraint coupon_account_used_not_negative check (used >= 0)
);
