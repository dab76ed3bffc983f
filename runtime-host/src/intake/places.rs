//! Who is connected. Connections have places; when none is free, those make room that have the least right to theirs:
//! connections on which nothing is being answered, or whose client has taken nothing of its answers for [`STALLED`], the
//! oldest ones of whichever address has the most of them. So a client that opens connections without end closes its own,
//! and who is being answered is left alone.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// At a time so many of all places are made free, so that a flood does not have them looked through for each connection.
const SHARE: usize = 64;
/// How soon whoever waits for a place asks for room again: others become idle meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// A client that takes nothing of its answers for so long gives its connection up when that is wanted.
const STALLED: Duration = Duration::from_secs(5);
/// For so long, and it is closed in any case where many answers share it: each has some memory, wanted or not.
const GONE: Duration = Duration::from_secs(60);
/// Of one answer so much is handed over at a time there: what a frame of HTTP/2 carries (RFC 9113, 4.2). The rest stays the
/// host's until the client has taken that.
const PIECE: usize = 16 * 1024;

/// See the module.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    most: usize,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    /// Grows with every connection.
    next: u64,
    guests: BTreeMap<u64, Arc<Guest>>,
}

/// A connection that can be told to go.
#[derive(Debug)]
pub(crate) struct Guest {
    address: IpAddr,
    since: Instant,
    /// Requests that are being answered.
    answering: AtomicUsize,
    /// Those of them whose client has yet to take what it was given.
    given: AtomicUsize,
    /// Milliseconds after `since` when a client was last given something.
    moved: AtomicU64,
    told_to_go: CancellationToken,
}

/// A connection's place.
pub(crate) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    number: u64,
    guest: Arc<Guest>,
    of: Arc<Places>,
}

/// Something is being answered.
pub(crate) struct Answering {
    guest: Arc<Guest>,
    given: bool,
}

/// The body of an answer, until whose end something is being answered.
pub(crate) struct Attended<B> {
    body: B,
    answering: Answering,
    /// Others share the connection.
    in_pieces: bool,
    /// What is left of a frame of which a piece was handed over.
    rest: Bytes,
}

impl<B> Attended<B> {
    /// Handed over in pieces where others share the connection.
    pub fn new(body: B, mut answering: Answering, in_pieces: bool) -> Self {
        if in_pieces {
            // Its client may have no room even for the first of it: then nobody asks for any.
            answering.give(true);
        }
        Self { body, answering, in_pieces, rest: Bytes::new() }
    }

    /// As much of it as goes at a time.
    fn piece(&mut self, mut bytes: Bytes) -> Frame<Bytes> {
        if self.in_pieces && bytes.len() > PIECE {
            self.rest = bytes.split_off(PIECE);
        }
        Frame::data(bytes)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Attended<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = if self.rest.is_empty() {
            Pin::new(&mut self.body).poll_frame(cx)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))))
        };
        // Asked again only when the client has taken what there is.
        self.answering.give(polled.is_ready());
        polled.map_ok(|frame| match frame.into_data() {
            Ok(bytes) => self.piece(bytes),
            Err(trailers) => trailers,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (left, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint.set_lower(hint.lower().saturating_add(left));
        hint
    }
}

impl Places {
    /// So many.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(most)), most, present: Mutex::default() })
    }

    /// A place for a connection from `address`, as soon as there is one.
    pub async fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.freed().await?,
        };
        let guest = Arc::new(Guest::new(address, Instant::now()));
        let mut present = self.present.lock();
        let number = present.next;
        present.next += 1;
        present.guests.insert(number, guest.clone());
        Some(Place { permit: Some(permit), number, guest, of: self.clone() })
    }

    /// The place of somebody who goes.
    async fn freed(&self) -> Option<OwnedSemaphorePermit> {
        let mut freed = std::pin::pin!(self.free.clone().acquire_owned());
        loop {
            self.make_room();
            if let Ok(permit) = tokio::time::timeout(ASK_AGAIN, freed.as_mut()).await {
                return permit.ok();
            }
        }
    }

    /// Tells some of those to go on whose connections nothing happens. Answers how many.
    pub fn make_room(&self) -> usize {
        let (present, now) = (self.present.lock(), Instant::now());
        let dispensable = |guest: &&Arc<Guest>| guest.is_quiet() || guest.is_stalled(now, STALLED);
        let mut by_address: HashMap<IpAddr, usize> = HashMap::new();
        for guest in present.guests.values().filter(dispensable) {
            *by_address.entry(guest.address).or_default() += 1;
        }
        let Some((address, count)) = by_address.into_iter().max_by_key(|(_, count)| *count) else { return 0 };
        // The first to come are the first to go, of those first that lose nothing; an address with few gives up one.
        let share = (self.most / SHARE).min(count / 2).max(1);
        let of_it = || present.guests.values().filter(|guest| guest.address == address);
        let quiet = of_it().filter(|guest| guest.is_quiet());
        let leaving = quiet.chain(of_it().filter(|guest| guest.is_stalled(now, STALLED))).take(share);
        let told = leaving.map(|guest| guest.told_to_go.cancel()).count();
        tracing::warn!(%address, told, "no place left for connections: idle ones are closed");
        told
    }
}

impl Guest {
    fn new(address: IpAddr, since: Instant) -> Self {
        let (answering, given, moved) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        Self { address, since, answering, given, moved, told_to_go: CancellationToken::new() }
    }

    /// Nothing is being answered.
    fn is_quiet(&self) -> bool {
        self.answering.load(Ordering::Relaxed) == 0 && !self.told_to_go.is_cancelled()
    }

    /// Of all that is being answered, the client has taken nothing for so long.
    fn is_stalled(&self, now: Instant, long: Duration) -> bool {
        let answering = self.answering.load(Ordering::Relaxed);
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        answering > 0
            && answering == self.given.load(Ordering::Relaxed)
            && now.saturating_duration_since(self.since).saturating_sub(moved) >= long
            && !self.told_to_go.is_cancelled()
    }

    /// Returns when the client has taken nothing for longer than anybody waits.
    pub async fn is_gone(&self) {
        while !self.is_stalled(Instant::now(), GONE) {
            tokio::time::sleep(GONE / 4).await;
        }
    }

    /// Until the guard is dropped, the connection is not told to go, unless its client stalls.
    pub fn answering(self: &Arc<Self>) -> Answering {
        self.answering.fetch_add(1, Ordering::Relaxed);
        Answering { guest: self.clone(), given: false }
    }

    /// Cancelled when the connection is to go.
    pub fn told_to_go(&self) -> &CancellationToken {
        &self.told_to_go
    }
}

impl Answering {
    /// Whether the client was given something just now, or is waited for no longer.
    fn give(&mut self, given: bool) {
        if given {
            let since = u64::try_from(self.guest.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.guest.moved.store(since, Ordering::Relaxed);
        }
        match (std::mem::replace(&mut self.given, given), given) {
            (false, true) => drop(self.guest.given.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.guest.given.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.give(false);
        self.guest.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    pub fn guest(&self) -> &Arc<Guest> {
        &self.guest
    }

    /// The bare place, of a connection that is never told to go from here on.
    pub fn keep(mut self) -> Option<OwnedSemaphorePermit> {
        self.permit.take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.present.lock().guests.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    async fn taken(places: &Arc<Places>, last: u8) -> Option<Place> {
        tokio::time::timeout(ASK_AGAIN / 5, places.take(address(last))).await.ok().flatten()
    }

    #[tokio::test]
    async fn whoever_has_the_most_and_does_the_least_makes_room() {
        let places = Places::new(10);
        let mut flood = Vec::new();
        for _ in 0..8 {
            flood.push(taken(&places, 1).await.unwrap());
        }
        let (other, second) = (taken(&places, 2).await.unwrap(), taken(&places, 2).await.unwrap());
        let first = flood.remove(0);
        let busy = first.guest().answering();
        assert!(taken(&places, 3).await.is_none(), "nobody has gone yet");
        assert!(!first.guest().told_to_go().is_cancelled(), "it is being answered");
        assert!(flood[0].guest().told_to_go().is_cancelled(), "the oldest of those that are not");
        assert!(!flood[1].guest().told_to_go().is_cancelled());
        flood.remove(0);
        let newcomer = taken(&places, 3).await.unwrap();
        for place in [&other, &second, &newcomer] {
            assert!(!place.guest().told_to_go().is_cancelled());
        }
        drop(busy);
        drop(first);
        assert_eq!(places.present.lock().guests.len(), 9);
    }

    #[tokio::test]
    async fn nobody_goes_while_all_are_answered() {
        let places = Places::new(1);
        let only = taken(&places, 1).await.unwrap();
        let _busy = only.guest().answering();
        assert_eq!(places.make_room(), 0);
        assert!(taken(&places, 2).await.is_none());
    }

    #[tokio::test]
    async fn who_becomes_idle_makes_room_for_those_that_wait_already() {
        let places = Places::new(1);
        let only = taken(&places, 1).await.unwrap();
        let busy = only.guest().answering();
        let waits = tokio::spawn({
            let places = places.clone();
            async move { places.take(address(2)).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(busy);
        let told = only.guest().told_to_go().clone();
        tokio::time::timeout(ASK_AGAIN * 100, told.cancelled()).await.expect("it was asked only once");
        drop(only);
        assert!(waits.await.unwrap());
    }

    #[test]
    fn an_answer_that_shares_its_connection_is_handed_over_in_pieces() {
        let guest = Arc::new(Guest::new(address(1), Instant::now()));
        let whole = Bytes::from(vec![7; PIECE * 2 + 1]);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let later = Instant::now() + GONE * 2;
        for (in_pieces, sizes) in [(true, vec![PIECE, PIECE, 1]), (false, vec![PIECE * 2 + 1])] {
            let body = http_body_util::Full::new(whole.clone());
            let mut attended = Attended::new(body, guest.answering(), in_pieces);
            assert_eq!(guest.is_stalled(later, GONE), in_pieces, "a client without room for any of it");
            assert_eq!(attended.size_hint().exact(), Some(whole.len() as u64));
            let (mut taken, mut left) = (vec![], whole.len());
            while let Poll::Ready(Some(frame)) = Pin::new(&mut attended).poll_frame(&mut cx) {
                taken.push(frame.unwrap().into_data().unwrap().len());
                left -= taken.last().unwrap();
                assert_eq!((attended.size_hint().exact(), attended.is_end_stream()), (Some(left as u64), left == 0));
            }
            assert_eq!(taken, sizes);
            drop(attended);
            assert!(guest.is_quiet());
        }
    }

    #[test]
    fn a_client_that_takes_nothing_is_dispensable_until_it_takes_something() {
        let (start, guest) = (Instant::now(), Arc::new(Guest::new(address(1), Instant::now())));
        let (mut first, second) = (guest.answering(), guest.answering());
        let later = start + STALLED * 2;
        assert!(!guest.is_stalled(later, STALLED), "an answer that is being made");
        first.give(true);
        assert!(!guest.is_stalled(later, STALLED), "another one is being made");
        drop(second);
        assert!(guest.is_stalled(later, STALLED) && !guest.is_stalled(start, STALLED), "it was given time");
        first.give(false);
        assert!(!guest.is_stalled(later, STALLED), "it has taken what there was");
        drop(first);
        assert!(guest.is_quiet() && !guest.is_stalled(later, STALLED));
    }
}
