//! Rate limits: GCRA in Redis, one round trip a request. While Redis is slow or away, each process counts for itself.

mod local;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use flightdesk_core::redis::Redis;
use poem::Request;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};

use local::LocalLimits;

use crate::cache::breaker::Breaker;
use crate::cookies;
use crate::error::ApiError;
use crate::metrics;

/// How many requests a caller may make; 0 is no limit.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Rate limits")]
pub struct LimitSettings {
    /// Requests a minute per API key or access token; 0: no limit
    #[arg(long, env = "RATE_LIMIT_PER_MINUTE", default_value_t = 6_000)]
    pub rate_limit_per_minute: u32,

    /// Requests a minute per client address, whatever key they carry; 0: no limit
    #[arg(long, env = "RATE_LIMIT_ADDRESS_PER_MINUTE", default_value_t = 12_000)]
    pub rate_limit_address_per_minute: u32,

    /// Sign-ups, and requests for another verification link or password, an hour per client address; 0: no limit
    #[arg(long, env = "RATE_LIMIT_SIGN_UPS_PER_HOUR", default_value_t = 60)]
    pub rate_limit_sign_ups_per_hour: u32,

    /// Log-ins an hour per client address, whoever's; 0: no limit
    #[arg(long, env = "RATE_LIMIT_LOG_INS_PER_HOUR", default_value_t = 300)]
    pub rate_limit_log_ins_per_hour: u32,

    /// Passwords an hour that one client address may try for one account; 0: no limit. Other addresses are not slowed down
    #[arg(long, env = "RATE_LIMIT_PASSWORDS_PER_HOUR", default_value_t = 30)]
    pub rate_limit_passwords_per_hour: u32,

    /// Proxies in front of this process that append to X-Forwarded-For; 0: the header is not believed
    #[arg(long, env = "TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,

    /// Start of every Redis key of the limits, to tell deployments on one Redis apart
    #[arg(long, env = "REDIS_PREFIX", default_value = "flightdesk")]
    pub redis_prefix: String,
}

/// The longest a request waits for Redis.
const PATIENCE: Duration = Duration::from_millis(50);

/// Generic cell rate algorithm: a key holds the instant at which its caller would be back at rest. Either every
/// limit of the request is charged or none. Answers allowed, and of the tightest limit: which one, what remains,
/// microseconds until it is whole again, microseconds until it may be tried again.
const GCRA: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local allowed, tight, least, reset, wait = 1, 1, -1, 0, 0
local rest = {}
for i, key in ipairs(KEYS) do
    local limit, period = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
    local step = period / limit
    local at = math.max(now, tonumber(redis.call('GET', key) or now)) + step
    local ahead = at - now
    rest[i] = at
    local remaining = math.floor((period - ahead) / step + 0.000001)
    if ahead > period + 0.5 then
        local pause = ahead - period
        if allowed == 1 or pause > wait then
            allowed, tight, least, reset, wait = 0, i, 0, ahead - step, pause
        end
    elseif allowed == 1 and (least < 0 or remaining < least) then
        tight, least, reset = i, remaining, ahead
    end
end
if allowed == 1 then
    for i, key in ipairs(KEYS) do
        redis.call('SET', key, string.format('%.0f', rest[i]), 'PX', math.ceil((rest[i] - now) / 1000))
    end
end
return {allowed, tight, least, math.ceil(reset), math.ceil(wait)}
";

/// The limits of one process, counted in Redis for all of them together.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    settings: LimitSettings,
    redis: Redis,
    script: redis::Script,
    breaker: Breaker,
    local: LocalLimits,
}

/// What is limited.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Requests of a client address.
    Address,
    /// Requests with an API key or an access token.
    Key,
    /// Sign-ups of a client address, and its requests for another verification link or password.
    SignUp,
    /// Log-ins of a client address.
    LogIn,
    /// Passwords that a client address tries for an account. It is of both: nobody is locked out by a stranger.
    Password,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Address,
        Self::Key,
        Self::SignUp,
        Self::LogIn,
        Self::Password,
    ];

    /// The time that a limit counts over.
    pub const fn period(self) -> Duration {
        match self {
            Self::Address | Self::Key => Duration::from_mins(1),
            Self::SignUp | Self::LogIn | Self::Password => Duration::from_hours(1),
        }
    }

    /// What a request is charged to before it is read. [`Limits::charge_password`] charges more.
    pub fn charged(method: &Method, path: &str, has_key: bool) -> Vec<Self> {
        // The sandbox stands for somebody else's server.
        if path.starts_with("/health/") || path.starts_with("/sandbox/") {
            return Vec::new();
        }
        let mut kinds = vec![Self::Address];
        if has_key {
            kinds.push(Self::Key);
        }
        let mails_a_stranger = matches!(
            path,
            "/v1/accounts" | "/v1/email-verifications" | "/v1/password-resets"
        );
        if method == Method::POST && mails_a_stranger {
            kinds.push(Self::SignUp);
        }
        if method == Method::POST && path == "/v1/sessions" {
            kinds.push(Self::LogIn);
        }
        kinds
    }

    /// Its name in keys of Redis.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Key => "key",
            Self::SignUp => "sign_up",
            Self::LogIn => "log_in",
            Self::Password => "password",
        }
    }
}

impl LimitSettings {
    /// How many of a kind are allowed in its period; 0 is no limit.
    pub fn limit(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Address => self.rate_limit_address_per_minute,
            Kind::Key => self.rate_limit_per_minute,
            Kind::SignUp => self.rate_limit_sign_ups_per_hour,
            Kind::LogIn => self.rate_limit_log_ins_per_hour,
            Kind::Password => self.rate_limit_passwords_per_hour,
        }
    }
}

impl LimitSettings {
    /// A limit of somebody, unless there is none.
    fn rule(&self, kind: Kind, who: &str) -> Option<Rule> {
        let limit = self.limit(kind);
        let key = format!("{}:limit:{}:{who}", self.redis_prefix, kind.name());
        (limit > 0).then_some(Rule { kind, key, limit })
    }
}

/// One limit of one caller.
#[derive(Debug)]
pub struct Rule {
    /// Which limit.
    pub kind: Kind,
    /// Whose: a key of Redis.
    pub key: String,
    /// How many are allowed in the period.
    pub limit: u32,
}

/// How a request stands with its tightest limit.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    kind: Kind,
    limit: u32,
    remaining: u32,
    reset: Duration,
    /// How long to wait, when the limit is reached.
    wait: Option<Duration>,
}

impl Limits {
    /// The limits of these settings, counted in this Redis.
    pub fn new(settings: LimitSettings, redis: Redis) -> Self {
        Self(Arc::new(Inner {
            local: LocalLimits::new(&settings),
            settings,
            redis,
            script: redis::Script::new(GCRA),
            breaker: Breaker::default(),
        }))
    }

    /// Charges a request. `None` when no limit applies.
    pub async fn charge(&self, request: &Request) -> Option<Standing> {
        self.charge_rules(&self.rules(request)).await
    }

    /// Charges a password that a request tries for an account, whether there is such an account or not.
    ///
    /// Errors: 429 when the request's network has tried too many for it.
    pub async fn charge_password(&self, request: &Request, account: &str) -> Result<(), ApiError> {
        let settings = &self.0.settings;
        let network = self.network(request);
        let who = format!(
            "{}:{}",
            fingerprint(&account.trim().to_lowercase()),
            network.as_deref().unwrap_or("unknown")
        );
        let rule = settings.rule(Kind::Password, &who);
        let standing = self.charge_rules(rule.as_slice()).await;
        standing.map_or(Ok(()), |standing| standing.verdict())
    }

    async fn charge_rules(&self, rules: &[Rule]) -> Option<Standing> {
        if rules.is_empty() {
            return None;
        }
        if self.is_open() {
            return self.0.local.charge(rules);
        }
        let answer = tokio::time::timeout(PATIENCE, self.ask(rules)).await;
        let Ok(Ok((allowed, tight, remaining, reset, wait))) = answer else {
            self.open();
            return self.0.local.charge(rules);
        };
        if self.0.breaker.answered() {
            tracing::info!("Redis answers again: limits are counted for all processes together");
        }
        if allowed {
            // So that whoever has used up his limit gets no second one when Redis goes away.
            self.0.local.charge(rules);
        }
        let rule = rules.get(tight.checked_sub(1)?)?;
        Some(Standing {
            kind: rule.kind,
            limit: rule.limit,
            remaining,
            reset: Duration::from_micros(reset),
            wait: (!allowed).then(|| Duration::from_micros(wait)),
        })
    }

    /// Runs the counting script on keys of its own, to find out whether requests can be limited.
    pub async fn probe(&self) -> redis::RedisResult<()> {
        let rule = |name: &str| Rule {
            kind: Kind::Key,
            key: format!("{}:limit:health:{name}", self.0.settings.redis_prefix),
            limit: 1_000_000,
        };
        // Two keys, as most requests have: a cluster refuses them where it would take one.
        self.ask(&[rule("first"), rule("second")]).await.map(drop)
    }

    async fn ask(&self, rules: &[Rule]) -> redis::RedisResult<(bool, usize, u32, u64, u64)> {
        let mut call = self.0.script.prepare_invoke();
        for rule in rules {
            call.key(&rule.key);
            call.arg(rule.limit)
                .arg(rule.kind.period().as_micros().to_string());
        }
        call.invoke_async(&mut self.0.redis.clone()).await
    }

    fn rules(&self, request: &Request) -> Vec<Rule> {
        let settings = &self.0.settings;
        // A session has many tokens, each for a quarter of an hour; its id is no secret, so it is not what is counted by.
        let key = request
            .header("X-API-Key")
            .or_else(|| request.header("Authorization"))
            .or_else(|| cookies::find(request, cookies::ACCESS));
        let charged = Kind::charged(request.method(), request.uri().path(), key.is_some());
        let address = client_address(request, settings.trusted_proxies)
            .map_or_else(|| "unknown".to_owned(), group);
        let rule = |kind: Kind| match kind {
            Kind::Key => settings.rule(kind, &fingerprint(key.unwrap_or_default())),
            Kind::Address | Kind::SignUp | Kind::LogIn | Kind::Password => {
                settings.rule(kind, &address)
            }
        };
        charged.into_iter().filter_map(rule).collect()
    }

    /// The address that a request comes from, behind the proxies that are trusted.
    pub fn address(&self, request: &Request) -> Option<IpAddr> {
        client_address(request, self.0.settings.trusted_proxies)
    }

    /// The network that a request comes from: an IPv4 address or an IPv6 /64.
    pub fn network(&self, request: &Request) -> Option<String> {
        client_address(request, self.0.settings.trusted_proxies).map(group)
    }

    /// Whether Redis is being left alone. A request that finds it so does not wait.
    fn is_open(&self) -> bool {
        let open = self.0.breaker.is_open();
        if open {
            metrics::not_limited();
        }
        open
    }

    fn open(&self) {
        metrics::not_limited();
        if self.0.breaker.open() {
            tracing::warn!("Redis is slow or away: each process counts the limits for itself");
        }
    }
}

impl Standing {
    /// How a request stands with a limit; `wait` is how long it has to, when that is reached.
    pub fn new(rule: &Rule, remaining: u32, reset: Duration, wait: Option<Duration>) -> Self {
        Self {
            kind: rule.kind,
            limit: rule.limit,
            remaining,
            reset,
            wait,
        }
    }

    /// How many more requests the limit allows now.
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// 429 when the limit is reached.
    pub fn verdict(&self) -> Result<(), ApiError> {
        let Some(wait) = self.wait else { return Ok(()) };
        let seconds = whole_seconds(wait).max(1);
        let limit = self.limit;
        let what = match self.kind {
            Kind::Key => format!("more than {limit} requests a minute with this API key or token"),
            Kind::Address => format!("more than {limit} requests a minute from this address"),
            Kind::SignUp => format!("more than {limit} sign-ups an hour from this address"),
            Kind::LogIn => format!("more than {limit} log-ins an hour from this address"),
            Kind::Password => {
                format!("more than {limit} passwords an hour for this account from this address")
            }
        };
        let detail = format!("{what}: try again in {seconds} s");
        Err(
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
                .retry_after(seconds),
        )
    }

    /// `RateLimit-Limit`, `-Remaining` and `-Reset` (seconds until the limit is whole again).
    pub fn headers(&self) -> [(HeaderName, HeaderValue); 3] {
        [
            (
                HeaderName::from_static("ratelimit-limit"),
                self.limit.into(),
            ),
            (
                HeaderName::from_static("ratelimit-remaining"),
                self.remaining.into(),
            ),
            (
                HeaderName::from_static("ratelimit-reset"),
                whole_seconds(self.reset).into(),
            ),
        ]
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Redis never sees a key, a token or an address of mail in clear.
fn fingerprint(key: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(key).into();
    let half = hash.first_chunk().copied().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(half))
}

/// The address that the outermost trusted proxy saw, or the peer's when none is trusted.
fn client_address(request: &Request, trusted_proxies: usize) -> Option<IpAddr> {
    let peer = request
        .remote_addr()
        .as_socket_addr()
        .map(std::net::SocketAddr::ip);
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded = request.headers().get_all("X-Forwarded-For").iter();
    let hops: Vec<&str> = forwarded
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let seen = hops
        .len()
        .checked_sub(trusted_proxies)
        .and_then(|index| hops[index].trim().parse().ok());
    seen.or(peer)
}

/// An IPv6 customer has a whole /64.
fn group(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
