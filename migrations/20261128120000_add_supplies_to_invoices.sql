-- What an invoice says of a supply under India's GST (rule 46 of the CGST Rules, 2017): as data, so that a new state or
-- another code is a row and not a release.

-- The states that a place of supply is named after, with the code that a GSTIN begins with.
create table gst_state (
    code    text    not null,
    name    text    not null,
    -- a union territory without a legislature: its half of the tax is UTGST (UTGST Act, 2017)
    is_utgst boolean not null,
    constraint gst_state_pkey primary key (code),
    constraint gst_state_name_key unique (name),
    constraint gst_state_code_is_two_digits check (code ~ '^[0-9]{2}$')
);
insert into gst_state (code, name, is_utgst) values
    ('01', 'Jammu and Kashmir', false),
    ('02', 'Himachal Pradesh', false),
    ('03', 'Punjab', false),
    ('04', 'Chandigarh', true),
    ('05', 'Uttarakhand', false),
    ('06', 'Haryana', false),
    ('07', 'Delhi', false),
    ('08', 'Rajasthan', false),
    ('09', 'Uttar Pradesh', false),
    ('10', 'Bihar', false),
    ('11', 'Sikkim', false),
    ('12', 'Arunachal Pradesh', false),
    ('13', 'Nagaland', false),
    ('14', 'Manipur', false),
    ('15', 'Mizoram', false),
    ('16', 'Tripura', false),
    ('17', 'Meghalaya', false),
    ('18', 'Assam', false),
    ('19', 'West Bengal', false),
    ('20', 'Jharkhand', false),
    ('21', 'Odisha', false),
    ('22', 'Chhattisgarh', false),
    ('23', 'Madhya Pradesh', false),
    ('24', 'Gujarat', false),
    ('26', 'Dadra and Nagar Haveli and Daman and Diu', true),
    ('27', 'Maharashtra', false),
    ('29', 'Karnataka', false),
    ('30', 'Goa', false),
    ('31', 'Lakshadweep', true),
    ('32', 'Kerala', false),
    ('33', 'Tamil Nadu', false),
    ('34', 'Puducherry', false),
    ('35', 'Andaman and Nicobar Islands', true),
    ('36', 'Telangana', false),
    ('37', 'Andhra Pradesh', false),
    ('38', 'Ladakh', true);

-- The Services Accounting Code of each kind of price line.
create table service_code (
    line_kind   text not null,
    sac         text not null,
    description text not null,
    constraint service_code_pkey primary key (line_kind),
    constraint service_code_line_kind_known check (line_kind in ('base_fare', 'tax', 'fee', 'seat', 'baggage', 'discount')),
    constraint service_code_sac_is_six_digits check (sac ~ '^[0-9]{6}$')
);
insert into service_code (line_kind, sac, description) values
    ('base_fare', '996425', 'Scheduled air transport of passengers'),
    ('tax', '996425', 'Scheduled air transport of passengers'),
    ('seat', '996425', 'Scheduled air transport of passengers'),
    ('baggage', '996425', 'Scheduled air transport of passengers'),
    ('discount', '996425', 'Scheduled air transport of passengers'),
    ('fee', '998551', 'Reservation services for transportation');
