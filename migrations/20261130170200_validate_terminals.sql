alter table flight validate constraint flight_terminals_short;
