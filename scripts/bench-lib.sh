# shellcheck shell=bash disable=SC2154
# What scripts/bench is made of: builds, databases, processes, the results. Sourced by it, never run.

profile=${FLIGHTDESK_PROFILE:-release} flights=${BENCH_FLIGHTS:-1000000}
if [ "$profile" = debug ]; then profile=dev; fi
folder_of_profile=$(if [ "$profile" = dev ]; then echo debug; else echo "$profile"; fi)
export HOST=127.0.0.1 SQLX_OFFLINE=true SHUTDOWN_DELAY_SECONDS=0 MAX_CONNECTIONS_PER_ADDRESS=0
first_port=${BENCH_PORT:-8900}
baseline_port=$((first_port + 1))
# shellcheck disable=SC2034
callers=2000 targets=2000 many=32
work=$local_dir/bench
mkdir -p "$work/parts"
rm -f "$work"/parts/*.json "$work/result.json" "$work/failed"
round=1 side=now

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
check_ports() {
  local port
  for port in "$first_port" "$baseline_port" $((first_port + 2)); do
    if listens "$port"; then die "port $port is in use: BENCH_PORT=$((first_port + 10)) scripts/bench"; fi
  done
}

# pgbench beside the server's other programs; Debian keeps them off PATH.
pgbench_path() {
  local path
  # shellcheck disable=SC2012
  for path in $(ls -d /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | sort -t/ -k5 -rn) "$(brew --prefix 2>/dev/null || echo /none)"/opt/postgresql@*/bin/pgbench; do
    if [ -x "$path" ]; then echo "$path"; return 0; fi
  done
  command -v pgbench
}

# build CHECKOUT ARGUMENTS…
build() { (cd "$1" && cargo build --workspace --bins --locked --profile "$profile" "${@:2}" </dev/null); }
target_of() { (cd "$1" && cargo metadata --no-deps --offline --format-version 1 | jq -r .target_directory); }
sql() { "$root/scripts/services" psql -q -v ON_ERROR_STOP=1 "$@" </dev/null; }
now() { if [ -n "${EPOCHREALTIME:-}" ]; then echo "${EPOCHREALTIME/,/.}"; else date +%s; fi; }
since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.2f", to - from }'; }

# ── sides: a build, and a database that has its tables ──
# on SIDE: what follows is about it.
on() {
  side=$1
  local query='' name=flightdesk_bench
  case $server_url in *\?*) query="?${server_url#*\?}" ;; esac
  if [ "$side" = before ]; then name=flightdesk_bench_before; fi
  database=$name
  bare=${server_url%%\?*}
  export DATABASE_URL=${bare%/*}/$name$query
  export PORT=$first_port
  if [ "$side" = before ]; then PORT=$((first_port + 2)); fi
  export PUBLIC_URL=http://127.0.0.1:$PORT
  checkout=$root
  if [ "$side" = before ]; then checkout=$against; fi
  bin=$checkout
  if [ -f "$checkout/Cargo.toml" ]; then bin=$(target_of "$checkout")/$folder_of_profile; fi
}
# The sides in the order of this round: the first of one is the last of the next, so that neither has the quieter hour.
in_turn() {
  local i
  if [ $((round % 2)) = 1 ]; then echo "${sides[@]}"; return; fi
  for ((i = ${#sides[@]} - 1; i >= 0; i--)); do echo "${sides[i]}"; done
}
# A file of scripts/ that knows the side's tables.
script_of_side() { if [ -f "$checkout/scripts/$1" ]; then echo "$checkout/scripts/$1"; else echo "$root/scripts/$1"; fi; }
example_of_side() { if [ -x "$bin/examples/$1" ]; then echo "$bin/examples/$1"; else echo "$bin/$1"; fi; }
manage() { "$bin/manage" "$@" </dev/null; }

count_flights() { sql -tAc 'select count(*) from flight'; }
exists() { [ "$(DATABASE_URL=$server_url sql -tAc "select count(*) from pg_database where datname = '$1'")" = 1 ]; }
# How long the flights took is known only to the run that made them: it is kept for the next one.
fill() {
  local begun took before after
  exists "$database" || DATABASE_URL=$server_url sql -c "create database $database"
  manage migrate
  begun=$(now)
  manage loaddata >/dev/null
  took=$(since "$begun")
  before=$(count_flights)
  if [ "$before" -lt "$flights" ]; then
    begun=$(now)
    # At most 3,000 departures a day; some more days for those that have fewer. Few flights are spread over a month: a target
    # has a flight back some days later, and another one after that.
    if [ "$flights" -lt 90000 ]; then
      manage schedule --days 33 --per-day $((flights / 30 + 1)) --seed 1
    else
      manage schedule --days $((flights / 3000 + flights / 60000 + 2)) --per-day 3000 --seed 1
    fi
    after=$(count_flights)
    jq -n --argjson loaddata "$took" --argjson seconds "$(since "$begun")" --argjson added $((after - before)) \
      '{loaddata_seconds: $loaddata, schedule_seconds: $seconds, flights_added: $added, flights_per_second: ($added / $seconds | floor)}' >"$work/filled.$side.json"
    [ "$after" -ge "$flights" ] || die "only $after flights were made, $flights are wanted"
  fi
  if [ -f "$work/filled.$side.json" ]; then part filled <"$work/filled.$side.json"; fi
}
# Both sides have the same flights: the older build makes them, the newer one gets a copy and migrates it.
make_databases() {
  local origin copied
  if [ -n "$against" ]; then
    on before
    fill
    origin=$(sql -tAc "select oid || ' with ' || (select count(*) from flight) || ' flights' from pg_database where datname = 'flightdesk_bench_before'")
    copied=$(sql -tAc "select shobj_description(oid, 'pg_database') from pg_database where datname = 'flightdesk_bench'")
    if [ "$copied" != "copy of $origin" ]; then
      DATABASE_URL=$server_url sql -c 'drop database if exists flightdesk_bench' -c 'create database flightdesk_bench template flightdesk_bench_before' \
        -c "comment on database flightdesk_bench is 'copy of $origin'"
    fi
  fi
  on now
  fill
}

# ── processes ──
running() { case $(ps -o stat= -p "$1" 2>/dev/null) in '' | Z*) return 1 ;; esac; }
# spawn NAME COMMAND…: its process id stands in a file, because measurements run in subshells.
spawn() {
  "${@:2}" </dev/null >"$work/$1.$side.log" 2>&1 &
  echo $! >"$work/$1.pid"
}
stop_processes() {
  local name pid tries
  for name in api worker baseline; do
    if [ -f "$work/$name.pid" ]; then kill -TERM "$(cat "$work/$name.pid")" 2>/dev/null || true; fi
  done
  for name in api worker baseline; do
    if [ ! -f "$work/$name.pid" ]; then continue; fi
    pid=$(cat "$work/$name.pid") tries=0
    while running "$pid" && [ $tries -lt 400 ]; do tries=$((tries + 1)); sleep 0.1; done
    if running "$pid"; then kill -KILL "$pid" 2>/dev/null || true; fi
    rm -f "$work/$name.pid"
  done
}
finish() { trap '' INT TERM HUP; stop_processes; release_services || true; }
# Until they are ready; with `cold`, until they answer at all.
start_processes() {
  local tries=0 path=ready
  if [ "${1:-}" = cold ]; then path=live; fi
  export RUST_LOG=warn DOCUMENTS_DIR=$work/documents MAIL_DIR=$work/mail
  export RATE_LIMIT_PER_MINUTE=0 RATE_LIMIT_ADDRESS_PER_MINUTE=0 RATE_LIMIT_SIGN_UPS_PER_HOUR=0 RATE_LIMIT_LOG_INS_PER_HOUR=0 RATE_LIMIT_PASSWORDS_PER_HOUR=0
  export MAX_OPEN_HOLDS=1000000 MAX_HELD_SEATS=1000000 MAX_UNPAID_SEATS=0 MAX_UNPAID_SEATS_OF_ADDRESS=0 MAX_UNPAID_PERCENT_FOR_NEW_ACCOUNTS=100 OFFER_MINUTES=120
  export REDIS_PREFIX=bench-$side QUEUE_PREFIX=bench-$side
  rm -rf "$work/documents" "$work/mail"
  spawn api "$bin/api"
  spawn worker "$bin/worker"
  until curl -fsS -o /dev/null --max-time 5 "$PUBLIC_URL/health/$path" 2>/dev/null; do
    if ! running "$(cat "$work/api.pid")" || ! running "$(cat "$work/worker.pid")"; then
      tail -5 "$work/api.$side.log" "$work/worker.$side.log" >&2
      die "api or worker has ended"
    fi
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then die "not ready after a minute; the logs are in $work"; fi
    sleep 0.2
  done
  if [ "${1:-}" != cold ]; then sleep 2; fi
}
start_baseline() {
  local tries=0
  spawn baseline "$(target_of "$root")/$folder_of_profile/examples/bench" baseline --port "$baseline_port"
  until listens "$baseline_port"; do
    if ! running "$(cat "$work/baseline.pid")"; then die "the baseline has ended: $(tail -5 "$work/baseline.$side.log")"; fi
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then die "the baseline serves nothing; its log is $work/baseline.$side.log"; fi
    sleep 0.2
  done
}
resident() { ps -o rss= -p "$(cat "$work/$1.pid")" | awk '{ printf "%.1f", $1 / 1024 }'; }
# note_memory WHEN: of the first group it is idle memory, of the last what all of that has left.
note_memory() {
  if ! running "$(cat "$work/api.pid")" || ! running "$(cat "$work/worker.pid")"; then return 0; fi
  jq -n --argjson api "$(resident api)" --argjson worker "$(resident worker)" '{api_mib: $api, worker_mib: $worker}' | part "memory_$1"
}
# Deletes all bookings, then books for one second: PostgreSQL plans badly for tables that its statistics call empty.
reset() {
  sql -f "$(script_of_side bench-reset.sql)"
  if [ -f "$work/api.pid" ]; then
    load book --clients 8 --seconds 1 --cold --offers 100 >/dev/null
  fi
  sql -c 'analyze booking, hold, hold_line, booked_flight, direction, passenger, price_line, idempotency_key' -c checkpoint
}

# ── measurements ──
# The same generator loads both sides.
load() { "$(target_of "$root")/$folder_of_profile/examples/bench" "$@" </dev/null; }
# pgbench with the tables' sizes; every run has ids of its own. It plans as the product's connections do (core/src/db).
pg() {
  local clients=$1 out run
  shift
  run=$(date +%s)
  out=$(PGOPTIONS='-c plan_cache_mode=force_generic_plan' "$(pgbench_path)" -n -M prepared -c "$clients" -j 2 -T "$seconds" -D callers=$callers -D targets=$targets -D "n=$((run % 1500 * 1000))" -D "run=$run" "$@" "$DATABASE_URL" 2>&1 </dev/null) ||
    die "pgbench failed: $(tail -5 <<<"$out")"
  sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out" | awk '{ printf "%.1f", $1 }'
}
part_file() { echo "$work/parts/$side.$round.$1.json"; }
part() { jq . >"$(part_file "$1")"; }
# beside NAME WHAT RATE: what pgbench makes of it, in the same minute.
beside() {
  local file
  file=$(part_file "$1")
  jq --arg what "pgbench_$2" --argjson rate "$3" '.[$what] = $rate' "$file" >"$work/next.json"
  mv "$work/next.json" "$file"
}
# measure NAME COMMAND…: what fails is named at the end, and the rest goes on.
measure() {
  local name="$1 ($side)"
  if [ "$rounds" != 1 ]; then name="$1 ($side, round $round)"; fi
  if ! step "$name" "${@:2}"; then echo "$name" >>"$work/failed"; fi
}

# ── results ──
about_machine() {
  local cpu cores memory_gib
  cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -1 || true)
  cores=$(getconf _NPROCESSORS_ONLN)
  memory_gib=$(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo 2>/dev/null || echo 0)
  if command -v sysctl >/dev/null && [ -z "$cpu" ]; then
    cpu=$(sysctl -n machdep.cpu.brand_string 2>/dev/null || echo unknown)
    memory_gib=$(($(sysctl -n hw.memsize 2>/dev/null || echo 0) / 1073741824))
  fi
  on now
  jq -n --arg cpu "$cpu" --argjson cores "$cores" --argjson memory_gib "${memory_gib:-0}" --arg kernel "$(uname -sr)" \
    --arg rustc "$(rustc --version)" --arg postgresql "$(sql -tAc 'show server_version')" --arg date "$(date -u +%FT%TZ)" \
    --arg load "$(uptime | sed 's/.*load average[s]*: //')" --argjson rounds "$rounds" \
    --arg commit "$(commit_of "$root")" --arg before "$(if [ -n "$against" ]; then commit_of "$against"; fi)" \
    --arg profile "$profile" --argjson flights "$(count_flights)" --argjson seconds "$seconds" \
    '{machine: {cpu: $cpu, cores: $cores, memory_gib: $memory_gib, kernel: $kernel}, rustc: $rustc, postgresql: $postgresql, date: $date,
      commit: $commit, before: $before, profile: $profile, flights: $flights, seconds_each: $seconds, rounds: $rounds, load_average_after: $load}'
}
commit_of() { git -C "$1" rev-parse --short HEAD 2>/dev/null || echo unknown; }
# All parts as one object: {about, now: {NAME: [a part of each round]}, before: …, failed}.
joined() {
  local file name
  about_machine >"$work/about.json"
  jq -n --slurpfile about "$work/about.json" --arg failed "$(cat "$work/failed" 2>/dev/null || true)" \
    '{about: $about[0], failed: ($failed | split("\n") | map(select(. != ""))), now: {}, before: {}}' >"$work/joined.json"
  for file in "$work"/parts/*.json; do
    name=$(basename "$file" .json)
    jq --arg side "${name%%.*}" --arg name "${name##*.}" --slurpfile part "$file" '.[$side][$name] += $part' "$work/joined.json" >"$work/next.json"
    mv "$work/next.json" "$work/joined.json"
  done
  mv "$work/joined.json" "$work/result.json"
}
report() {
  joined
  jq -r -f "$root/scripts/bench-report.jq" "$work/result.json"
}
# Between its two marks; the words around them are written by hand.
write_measurements() {
  awk -v table="$work/result.md" '
    /^<!-- scripts\/bench --write: begin/ { print; while ((getline line < table) > 0) print line; skip = 1 }
    /^<!-- scripts\/bench --write: end/ { skip = 0 }
    !skip || /^<!-- scripts\/bench --write: end/ { if (!/^<!-- scripts\/bench --write: begin/) print }
  ' "$root/MEASUREMENTS.md" >"$work/MEASUREMENTS.md"
  cp "$work/MEASUREMENTS.md" "$root/MEASUREMENTS.md"
  say "the table is in MEASUREMENTS.md"
}
