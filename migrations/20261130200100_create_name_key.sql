-- A name as staff look for it: in the letters of a barcode (core/src/ticket/name.rs), so that `Sørensen` is found by what its
-- ticket says, small, and without what is no letter. Only indexes and searches use it.
create function name_key(name text) returns text language sql immutable strict parallel safe
return pg_catalog.regexp_replace(
    pg_catalog.lower(
        pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
        pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
            pg_catalog.translate(
                pg_catalog.normalize(name, 'NFKD'),
                'ðÐđĐłŁħĦıŋŊŧŦəƏ', 'dDdDlLhHinNtTeE'),
        'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'Ø', 'oe'), 'ø', 'oe'), 'Þ', 'th'), 'þ', 'th'), 'ß', 'ss')),
    '[^a-z0-9]', '', 'g');
