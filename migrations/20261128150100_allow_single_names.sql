-- People whose passport shows one name have a last name alone.
alter table passenger alter column first_name drop not null;
alter table passenger add constraint passenger_middle_name_follows_first check (middle_name is null or first_name is not null) not valid;
alter table passenger validate constraint passenger_middle_name_follows_first;
