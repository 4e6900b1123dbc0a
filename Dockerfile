# syntax=docker/dockerfile:1
# One image, three programs: `api` (the default), `worker` and `manage`.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# Queries come from .sqlx: the build needs no database. Function names stay for backtraces.
ENV SQLX_OFFLINE=true CARGO_PROFILE_RELEASE_STRIP=debuginfo

# The dependencies alone, from the manifests: this layer holds until one of them changes.
COPY Cargo.toml Cargo.lock ./
COPY core/Cargo.toml core/
COPY api/Cargo.toml api/
COPY worker/Cargo.toml worker/
RUN mkdir -p core/src api/src/bin/manage worker/src \
    && touch core/src/lib.rs api/src/lib.rs worker/src/lib.rs \
    && for main in api/src/bin/api.rs api/src/bin/manage/main.rs worker/src/main.rs; do echo 'fn main() {}' > "$main"; done \
    && cargo build --release --locked --workspace --bins \
    # The stand-ins are younger than the sources that come: without this cargo would keep them.
    && cargo clean --release -p flightdesk-core -p flightdesk-api -p flightdesk-worker \
    && rm -rf core/src api/src worker/src

COPY . .
RUN cargo build --release --locked --workspace --bins \
    && mkdir /out \
    && cp target/release/api target/release/worker target/release/manage /out/

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/flightdesk --create-home --shell /usr/sbin/nologin flightdesk
COPY --from=build /out/ /usr/local/bin/
COPY LICENSE /usr/share/doc/flightdesk/
# What `manage loaddata` loads.
COPY fixtures/ /usr/share/flightdesk/fixtures/
USER flightdesk
WORKDIR /var/lib/flightdesk
ENV HOST=0.0.0.0 PORT=8000 FIXTURES_DIR=/usr/share/flightdesk/fixtures
EXPOSE 8000
# The slim image has no curl; bash speaks enough HTTP to ask one question.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health/ready HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# All three stop cleanly on SIGTERM as process 1, and start no children to reap.
CMD ["api"]
