//! A TCP relay that does to each connection what a plan says, counts what it did, and takes orders meanwhile: another
//! plan, or an end to everything that is open.

use crate::connection::Connection;
use crate::endpoint::{self, accept_each};
use crate::plan::ChaosPlan;
use crate::proxy;
use crate::relay::{self, Sides};
use faults::{Breakage, End, Kind, Link, Welcome};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A server that does not answer a connection attempt for so long cannot be reached.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a relay has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that were opened, whatever became of them.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Connections that ended because one of the two sides ended them.
    pub ended: u64,
    /// Connections to the server that could not be made.
    pub unreachable: u64,
    /// How often each kind of fault struck a whole connection.
    pub struck: BTreeMap<Kind, u64>,
    /// Bytes that were passed on to the server.
    pub to_server: u64,
    /// Bytes that were passed on to the client.
    pub to_client: u64,
}

impl Statistics {
    /// How many connections were broken, by whatever fault.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.struck.iter().filter(|(kind, _)| **kind != Kind::Twice).map(|(_, count)| count).sum()
    }

    /// How often this kind struck.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.struck.get(&kind).copied().unwrap_or(0)
    }
}

/// A relay that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it listens; the port is real even if 0 was asked for.
    pub addr: SocketAddr,
    desk: Arc<Desk>,
    relay: endpoint::Running,
    _stripper: endpoint::Running,
}

/// What the connections of a relay share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) started: Instant,
    link: Mutex<Link>,
    statistics: watch::Sender<Statistics>,
    pub(crate) orders: watch::Sender<Orders>,
}

/// What all connections are told to do.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    pub(crate) plan: Arc<ChaosPlan>,
    /// Goes up with each other plan.
    pub(crate) plans: u64,
    /// Goes up with each cut.
    pub(crate) cuts: u64,
    pub(crate) breakage: Breakage,
}

/// Listens on `listen` and relays to `upstream`, through the faults of `plan`.
///
/// # Errors
/// What binding the address returned.
pub async fn run(listen: SocketAddr, upstream: SocketAddr, plan: ChaosPlan) -> io::Result<Running> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let stripper = proxy::stripping_proxy(any, upstream).await?;
    let stripping = stripper.addr;
    let desk = Arc::new(Desk {
        started: Instant::now(),
        link: Mutex::new(Link::new(&plan.faults)),
        statistics: watch::Sender::new(Statistics::default()),
        orders: watch::Sender::new(Orders {
            plan: Arc::new(plan),
            plans: 0,
            cuts: 0,
            breakage: Breakage::Both(End::Reset),
        }),
    });
    let shared = Arc::clone(&desk);
    let relay = accept_each(listen, move |connection| {
        let desk = Arc::clone(&shared);
        // From here on, and not from the first poll of the task: a cut that is ordered meanwhile counts.
        let orders = desk.orders.subscribe();
        let known = (orders.borrow().plans, orders.borrow().cuts);
        desk.count(|statistics| {
            statistics.connections += 1;
            statistics.open += 1;
        });
        let open = Open(desk);
        async move { connect(connection, upstream, stripping, &open.0, orders, known).await }
    })
    .await?;
    Ok(Running { addr: relay.addr, desk, relay, _stripper: stripper })
}

impl Running {
    /// What was done so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.desk.statistics.borrow().clone()
    }

    /// Waits until what was done fulfils a condition: for tests, which wait for events and not for time.
    pub async fn until(&self, condition: impl FnMut(&Statistics) -> bool) -> Statistics {
        let mut changes = self.desk.statistics.subscribe();
        match changes.wait_for(condition).await {
            Ok(statistics) => statistics.clone(),
            // The sender lives in `self`.
            Err(_) => self.statistics(),
        }
    }

    /// Another plan, for new connections and for those that are open: what waits passes at once, what is broken stays
    /// broken, and an upgrade that was stripped stays stripped.
    pub fn set_plan(&self, plan: ChaosPlan) {
        self.desk.link().change(&plan.faults);
        let plan = Arc::new(plan);
        self.desk.orders.send_modify(|orders| {
            orders.plan = plan;
            orders.plans += 1;
        });
    }

    /// Resets every connection that is open; new ones are taken.
    pub fn cut_all(&self) {
        self.break_all(Breakage::Both(End::Reset));
    }

    /// Breaks every connection that is open, in this way; new ones are taken.
    pub fn break_all(&self, breakage: Breakage) {
        self.desk.orders.send_modify(|orders| {
            orders.cuts += 1;
            orders.breakage = breakage;
        });
    }

    /// Waits until the listener fails.
    pub async fn wait(self) {
        self.relay.wait().await;
    }
}

impl Desk {
    pub(crate) fn count(&self, change: impl FnOnce(&mut Statistics)) {
        self.statistics.send_modify(change);
    }

    pub(crate) fn struck(&self, kind: Kind) {
        self.count(|statistics| *statistics.struck.entry(kind).or_default() += 1);
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn link(&self) -> std::sync::MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is counted as open until this goes.
struct Open(Arc<Desk>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.count(|statistics| statistics.open -= 1);
    }
}

async fn connect(
    mut connection: Connection,
    upstream: SocketAddr,
    stripping: SocketAddr,
    desk: &Desk,
    orders: watch::Receiver<Orders>,
    known: (u64, u64),
) -> io::Result<()> {
    let strip = orders.borrow().plan.strip_upgrade;
    let upstream = if strip { stripping } else { upstream };
    let welcome = desk.link().open(desk.now_ms());
    let (path, twice) = match welcome {
        Welcome::Refuse(kind) => {
            desk.struck(kind);
            connection.reset();
            return Ok(());
        }
        Welcome::Drop => {
            desk.struck(Kind::Drop);
            connection.patience = Some(PATIENCE);
            connection.fill().await?;
            return connection.finish().await;
        }
        Welcome::Pass { path, twice } => (path, twice),
    };
    let Ok(Ok(server)) = timeout(PATIENCE, TcpStream::connect(upstream)).await else {
        desk.count(|statistics| statistics.unreachable += 1);
        connection.reset();
        return Ok(());
    };
    let twin = if twice { TcpStream::connect(upstream).await.ok() } else { None };
    if twin.is_some() {
        desk.struck(Kind::Twice);
    }
    let Some(client) = connection.into_socket() else { return Ok(()) };
    relay::carry(Sides { client, server, twin }, *path, desk, orders, known).await;
    Ok(())
}
