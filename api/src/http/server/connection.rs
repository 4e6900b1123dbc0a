//! One connection: watched for standing still, and closed only when nothing has come in on it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use poem::Endpoint;
use poem::endpoint::DynEndpoint;
use poem::http::uri::Scheme;
use poem::http::{Request, Response, Version};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::admission::{Peer, Ticket};
use super::{ConnectionSettings, Phase};

/// How often a connection is looked at.
const TICK: Duration = Duration::from_millis(500);
/// A connection that was taken a moment ago may have a request on its way.
const FRESH: Duration = Duration::from_secs(1);
/// The longest head of a request.
const MOST_HEAD: usize = 64 * 1024;
/// Bytes that HTTP/2 buffers of bodies that are not being read yet: for one body, and for all of a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What HTTP/2 is given of an answer at once: it buffers that much for a client that reads nothing.
const PIECE: usize = 16 * 1024;
/// Whether the other side of an HTTP/2 connection is still there is asked so often.
const PING: Duration = Duration::from_secs(20);

/// What all connections of a process have in common.
pub struct Shared {
    settings: ConnectionSettings,
    endpoint: Arc<dyn DynEndpoint<Output = poem::Response>>,
    phase: watch::Receiver<Phase>,
    builder: auto::Builder<TokioExecutor>,
}

impl Shared {
    /// For an endpoint.
    pub fn new(
        settings: ConnectionSettings,
        endpoint: Arc<dyn DynEndpoint<Output = poem::Response>>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The deadline of a head is ours (`State`): hyper's would also end connections that wait for a request.
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(MOST_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(settings.max_http2_streams)
            .max_pending_accept_reset_streams(20)
            .max_header_list_size(16 * 1024)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        Self {
            settings,
            endpoint,
            phase,
            builder,
        }
    }

    /// Serves a connection until it ends, or stands still for too long.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, address: SocketAddr, ticket: Ticket) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        // An answer is written as a whole; waiting for more to send would only delay it.
        let _ = stream.set_nodelay(true);
        let state = Arc::new(State::new());
        let ticket = Arc::new(ticket);
        let service = hyper::service::service_fn({
            let (shared, state, ticket) = (self.clone(), state.clone(), ticket.clone());
            move |request: Request<Incoming>| {
                let busy = Busy::new(&state, request.version());
                let (shared, peer) = (shared.clone(), Peer::new(ticket.clone()));
                async move {
                    let answer = shared.answer(request, local, address, peer).await;
                    Ok::<_, Infallible>(answer.map(|body| Counted::new(body, busy)))
                }
            }
        });
        let watched = Watched {
            stream,
            state: state.clone(),
        };
        let connection = self
            .builder
            .serve_connection(TokioIo::new(watched), service);
        let mut connection = std::pin::pin!(connection);
        let mut phase = self.phase.clone();
        let mut ticks = tokio::time::interval(TICK);
        let mut told = false;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = phase.wait_for(|phase| *phase == Phase::Closing), if !state.is_closing() => state.close(),
                _ = ticks.tick() => match state.standing(&self.settings, ticket.crowded) {
                    Standing::Fine => {}
                    Standing::Idle => state.close(),
                    Standing::Stuck => {
                        tracing::debug!(%address, "a connection that stood still was closed");
                        return;
                    }
                },
            }
            if state.is_closing() {
                if !told && state.is_http2() {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
                state.wake();
            }
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        local: SocketAddr,
        address: SocketAddr,
        peer: Peer,
    ) -> Response<impl Body<Data = Bytes, Error = io::Error> + Unpin + use<>> {
        let version = request.version();
        let last = peer.is_crowded() || *self.phase.borrow() != Phase::Serving;
        let addresses = (
            LocalAddr(poem::Addr::SocketAddr(local)),
            RemoteAddr(poem::Addr::SocketAddr(address)),
        );
        let mut request = poem::Request::from((request, addresses.0, addresses.1, Scheme::HTTP));
        request.set_data(peer);
        let mut response = Response::from(self.endpoint.get_response(request).await);
        // It is known only now whether the process was told to stop meanwhile.
        let last = last || *self.phase.borrow() != Phase::Serving;
        if last && version < Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }
}

/// What a connection does, as its reads, writes and requests tell.
struct State(Mutex<Progress>);

struct Progress {
    opened: Instant,
    /// When the first byte came of a head that is not complete yet.
    head_since: Option<Instant>,
    requests: usize,
    under_way: usize,
    idle_since: Instant,
    blocked_since: Option<Instant>,
    /// Answers of which something was handed to the connection that has not gone out yet.
    awaited: usize,
    /// Since when there have been such answers, or since the client last had time for as much as it has taken.
    awaited_since: Instant,
    /// What the client has taken of them since then, in bytes.
    taken: u64,
    http2: bool,
    closing: bool,
    reader: Option<Waker>,
}

enum Standing {
    Fine,
    /// Nothing is asked; it may be closed when nothing comes in.
    Idle,
    /// Something was begun and does not go on.
    Stuck,
}

impl State {
    fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Progress {
            opened: now,
            head_since: None,
            requests: 0,
            under_way: 0,
            idle_since: now,
            blocked_since: None,
            awaited: 0,
            awaited_since: now,
            taken: 0,
            http2: false,
            closing: false,
            reader: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self, settings: &ConnectionSettings, crowded: bool) -> Standing {
        let mut progress = self.lock();
        let head = Duration::from_secs(settings.request_head_seconds);
        // There are few places for those that only ask for health.
        let head = if crowded { head.min(FRESH * 2) } else { head };
        let idle = Duration::from_secs(settings.idle_seconds);
        let first = (progress.requests == 0).then_some(progress.opened);
        let over = |since: Option<Instant>, most| since.is_some_and(|at| at.elapsed() > most);
        if over(progress.blocked_since, idle) || progress.is_read_too_slowly(idle, settings) {
            return Standing::Stuck;
        }
        if progress.under_way > 0 {
            return Standing::Fine;
        }
        // HTTP/2 has other bytes than heads; there the time without a request counts.
        let beginning = progress.head_since.filter(|_| !progress.http2);
        if over(beginning.or(first), head) {
            return Standing::Stuck;
        }
        if over(Some(progress.idle_since), idle) {
            // Whoever has not gone a while after he was asked to is not asked again.
            return if over(Some(progress.idle_since), idle + head) {
                Standing::Stuck
            } else {
                Standing::Idle
            };
        }
        Standing::Fine
    }

    fn is_http2(&self) -> bool {
        self.lock().http2
    }

    fn is_closing(&self) -> bool {
        self.lock().closing
    }

    fn close(&self) {
        self.lock().closing = true;
    }

    /// Has the connection look again whether it may end.
    fn wake(&self) {
        let reader = self.lock().reader.take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn has_read(&self) {
        let mut progress = self.lock();
        if progress.under_way == 0 && progress.head_since.is_none() {
            progress.head_since = Some(Instant::now());
        }
    }

    /// Whether a read that found nothing may say that nothing more will come.
    fn may_end(&self, reader: &Waker) -> bool {
        let mut progress = self.lock();
        let is_idle = progress.under_way == 0
            && progress.head_since.is_none()
            && progress.blocked_since.is_none();
        let is_fresh = progress.requests == 0 && progress.opened.elapsed() < FRESH;
        if progress.closing && is_idle && !is_fresh && !progress.http2 {
            return true;
        }
        progress.reader = Some(reader.clone());
        false
    }

    fn has_written<T>(&self, written: &Poll<T>) {
        let mut progress = self.lock();
        if written.is_ready() {
            progress.blocked_since = None;
        } else {
            progress.blocked_since.get_or_insert_with(Instant::now);
        }
    }
}

impl Progress {
    /// Whether the client takes less of its answers than the slowest rate. HTTP/2 does not block the socket for that: the
    /// client gives no window and may go on asking.
    fn is_read_too_slowly(&mut self, idle: Duration, settings: &ConnectionSettings) -> bool {
        if self.awaited == 0 || self.awaited_since.elapsed() < idle {
            return false;
        }
        let least = settings.idle_seconds * settings.min_body_rate;
        self.awaited_since = Instant::now();
        std::mem::take(&mut self.taken) < least
    }
}

/// A request is under way until its answer has been handed to the connection.
struct Busy {
    state: Arc<State>,
    /// Bytes that were handed over and that the connection has not asked beyond yet.
    handed: Option<u64>,
}

impl Busy {
    fn new(state: &Arc<State>, version: Version) -> Self {
        let mut progress = state.lock();
        progress.under_way += 1;
        progress.requests += 1;
        progress.head_since = None;
        progress.http2 = version == Version::HTTP_2;
        drop(progress);
        Self {
            state: state.clone(),
            handed: None,
        }
    }

    /// From here on the client is waited for.
    fn hand(&mut self, bytes: usize) {
        let mut progress = self.state.lock();
        progress.awaited += 1;
        if progress.awaited == 1 {
            progress.awaited_since = Instant::now();
            progress.taken = 0;
        }
        self.handed = Some(bytes as u64);
    }

    /// The client is no longer waited for.
    fn take(&mut self) {
        if let Some(bytes) = self.handed.take() {
            let mut progress = self.state.lock();
            progress.awaited -= 1;
            progress.taken += bytes;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.take();
        let mut progress = self.state.lock();
        progress.under_way -= 1;
        progress.idle_since = Instant::now();
    }
}

/// The body of an answer, which counts as under way as long as it is there.
struct Counted<B> {
    body: B,
    /// What is left of the last frame.
    rest: Bytes,
    busy: Busy,
}

impl<B> Counted<B> {
    fn new(body: B, mut busy: Busy) -> Self {
        busy.hand(0);
        Self {
            body,
            rest: Bytes::new(),
            busy,
        }
    }

    /// The next piece of what is left; HTTP/1.1 takes it all, for there the socket says when to stop.
    fn piece(&mut self) -> Frame<Bytes> {
        let is_http2 = self.busy.state.is_http2();
        let most = if is_http2 { PIECE } else { usize::MAX };
        let piece = self.rest.split_to(self.rest.len().min(most));
        self.busy.hand(piece.len());
        Frame::data(piece)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.busy.take();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        Pin::new(&mut self.body)
            .poll_frame(cx)
            .map_ok(|frame| match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    self.piece()
                }
                Err(frame) => frame,
            })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

/// A socket that tells what happens on it.
struct Watched {
    stream: TcpStream,
    state: Arc<State>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.state.has_read();
        }
        // Asked in this order no request is lost: what has come in was read.
        if read.is_pending() && self.state.may_end(cx.waker()) {
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.state.has_written(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.state.has_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
