# The table of scripts/bench, in Markdown, from .local/bench/result.json.

# Of several rounds the best: a shared machine can only make a number worse.
def best:
  if . == null then null
  elif .[0].kept then max_by(.kept.per_second)
  elif .[0].plain then max_by(.plain.per_second)
  elif .[0].per_second then max_by(.per_second)
  elif .[0].ticket_median_ms then min_by(.ticket_median_ms)
  elif .[0].change then min_by(.cancellation.p50_ms)
  elif .[0].told_seconds then min_by(.told_seconds)
  elif .[0].worst_ms then min_by(.worst_ms)
  else .[-1] end;

def hundredths: . * 100 | round / 100;
def tenths: . * 10 | round / 10;
def others: (.other_answers // {}) | to_entries | map(if .key == "0" then "\(.value) × no answer" else "\(.value) × \(.key)" end)
  | if . == [] then "" else "; also answered: " + join(", ") end;
def load: if . == null then "" elif .count == 0 then "none answered" + others
  else "\(.per_second)/s, p50 \(.p50_ms | tenths) ms, p99 \(.p99_ms | tenths) ms" + others end;
def cold: if . == null then "" elif .count == 0 then "none answered" + others
  else load + " (p99 \(.p99_ms / .p50_ms | tenths) × p50)" end;
def times(now; before): if now != null and before != null and before > 0 then "\(now / before | hundredths)" else "" end;

. as $all
| ($all.before != {}) as $both
| def part(side; name): $all[side][name] | best;
  # One row: what it is, both sides as text, how much faster now, what stands beside it.
  def row(what; now; before; ratio; beside):
    if now == "" and before == "" then empty
    elif $both then "| \(what) | \(now) | \(before) | \(ratio) | \(beside) |"
    else "| \(what) | \(now) | \(beside) |" end;
  def rated(what; name; cell; beside):
    part("now"; name) as $now | part("before"; name) as $before
    | row(what; $now | cell; $before | cell; times($now.per_second; $before.per_second); if $now then $now | beside else "" end);
  def measured(what; name): rated(what; name; load; "");
  def least: if .pgbench_least then "\(.pgbench_least)/s the least SQL in pgbench (ratio \(.per_second / .pgbench_least | hundredths))" else "" end;
  def same: if .pgbench_same then "\(.pgbench_same)/s the same statements in pgbench (ratio \(.per_second / .pgbench_same | hundredths)), \(.pgbench_least)/s the least SQL, \(.pgbench_whole)/s all of the search in SQL (ratio \(.per_second / .pgbench_whole | hundredths))" else "" end;
  def plain(what; name; cell): row(what; part("now"; name) | if . then cell else "" end; part("before"; name) | if . then cell else "" end; ""; "");
  $all.about as $about
| "\($about.machine.cpu), \($about.machine.cores) cores, \($about.machine.memory_gib) GiB, \($about.machine.kernel) · PostgreSQL \($about.postgresql), fsync on · \($about.rustc), \($about.profile) · \($about.date[:10]), load average at the end \($about.load_average_after)",
  "",
  "\($about.flights) flights; \($about.seconds_each) s each, the best of \($about.rounds). Generator, servers and PostgreSQL share the machine. " +
    (if $both then "`now` is commit \($about.commit), `before` commit \($about.before), measured in turn on databases of the same flights." else "Commit \($about.commit)." end),
  "",
  (if $both then "| over HTTP | now | before | now ÷ before | beside it |", "| --- | --- | --- | --- | --- |" else "| over HTTP | now | beside it |", "| --- | --- | --- |" end),
  rated("first-asked searches from a cold start, 16 clients"; "first_asked_16"; cold; ""),
  rated("the same, 64 clients"; "first_asked_64"; cold; ""),
  rated("the same, 200 clients"; "first_asked_200"; cold; ""),
  (part("now"; "first_asked_at_rate") as $now | part("before"; "first_asked_at_rate") as $before
    | row("the same, begun at a fixed rate"; $now | if . then "\(.rate) begun a second: " + cold else "" end; $before | if . then "\(.rate) begun a second: " + cold else "" end; ""; "")),
  rated("direct searches, not kept, 16 clients"; "search"; load; same),
  measured("up to two stops, not kept, 16 clients"; "search_connected"),
  measured("up to two stops between hubs, 16 clients"; "search_hubs"),
  measured("calendars, 16 clients"; "calendar"),
  (part("now"; "search_cached") as $now | part("before"; "search_cached") as $before
    | row("kept searches, 16 clients"; $now | if . then (.kept | load) + ", \(.bytes_each) bytes each" else "" end; $before | if . then (.kept | load) + ", \(.bytes_each) bytes each" else "" end;
        times($now.kept.per_second; $before.kept.per_second);
        if $now.baseline then "\($now.baseline.per_second)/s authentication and one Redis GET of the same bytes (ratio \($now.ratio | hundredths))" else "" end)),
  measured("seat maps, 16 clients"; "seat_map"),
  rated("bookings, many flights, 32 clients"; "bookings"; load; least),
  rated("round trips, many flights, 32 clients"; "round_trips"; load; least),
  rated("round trips of parties of four, many flights, 32 clients"; "round_trips_4"; load; least),
  rated("bookings, one flight, 8 clients"; "hot_8"; load; least),
  rated("bookings, one flight, 32 clients"; "hot_32"; load; least),
  measured("round trips of parties of four, two groups across one flight, 50 clients"; "crossing"),
  plain("200 clients for the last seats of a flight"; "sell_out"; "\(.booked) of \(.seats) seats sold in \(.sold_out_seconds | hundredths) s, then \(.refusals_per_second) refusals/s (409), p50 \(.refusal_p50_ms | tenths) ms, p99 \(.refusal_p99_ms | tenths) ms; \(.answered_503) answered 503"),
  plain("paid → ticket ready, idle system"; "paid"; "median \(.ticket_median_ms | round) ms, longest \(.ticket_max_ms | round) ms"),
  plain("paid → mail"; "paid"; "median \(.mail_median_ms | round) ms, longest \(.mail_max_ms | round) ms"),
  plain("quotes of cancellations, 16 clients"; "quotes"; .cancellation | load),
  plain("quotes of changes, 16 clients"; "quotes"; .change | load),
  measured("cancellations confirmed, many flights, 32 clients"; "cancel"),
  measured("cancellations confirmed, one flight, 32 clients"; "cancel_hot"),
  plain("a flight with many bookings is cancelled"; "disrupted"; "\(.bookings) bookings: staff answered in \(.answer_ms) ms, all mails promised after \(.told_seconds | tenths) s, sent after \(.sent_seconds | tenths) s"),
  plain("its deadline passes unanswered"; "disrupted"; "all \(.bookings) given back after \(.decided_seconds | tenths) s, of which up to 15 s wait for the clock; refunds, receipts and mails done after \(.settled_seconds | tenths) s"),
  plain("tickets a second of one core"; "tickets"; "\(.plain.per_second)/s, \(.plain.bytes) bytes each"),
  plain("tickets of a party of ten, there and back"; "tickets"; "\(.party_of_10.per_second)/s, \(.party_of_10.bytes) bytes each"),
  plain("tickets with an embedded font"; "tickets"; "\(.embedded_font.per_second)/s, \(.embedded_font.bytes) bytes each"),
  plain("processor time of the worst body of a mebibyte"; "bodies"; "\(.worst_ms) ms (\(.worst)), of \(.bodies) kinds"),
  plain("memory, idle with its timetable"; "memory_idle"; "api \(.api_mib) MiB, worker \(.worker_mib) MiB"),
  plain("memory after the load"; "memory_after"; "api \(.api_mib) MiB, worker \(.worker_mib) MiB"),
  plain("autosuggest in the process"; "suggest"; "p50 \(.p50_ms | hundredths) ms, p99 \(.p99_ms | hundredths) ms, longest \(.max_ms | hundredths) ms"),
  plain("`manage loaddata` · `manage schedule`"; "filled"; "\(.loaddata_seconds) s · \(.schedule_seconds) s for \(.flights_added) flights"),
  (if $all.failed != [] then "", "Could not be measured: " + ($all.failed | join(", ")) + "." else empty end)
