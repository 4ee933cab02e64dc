//! Carries the engine's notices to agents: writes and signs each, calls on threads of its own, and
//! tells the engine what came of it. When to call, and how often, is the engine's matter.
//! Source: docs/protocols/ota.md, "Callbacks".

mod guard;
mod payload;
mod transport;

use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::actors::{CallbackConfig, CallbackFailure, Courier, CourierBusy, Parcel, Receipt};
use crate::http::credentials::Credentials;
use crate::vault::KeyRing;
use crate::wire::ota::CallbackRequest;

pub(in crate::http) use payload::event;

use guard::Reach;
use transport::Transport;

/// Calls agents over HTTP. Its threads end once it is dropped and what it has taken is done.
pub struct HttpCourier {
    jobs: Sender<Job>,
}

/// A notice and who hears of it.
type Job = (Parcel, Receipt);

/// What every thread has.
#[derive(Clone)]
struct Desk {
    transport: Transport,
    credentials: Arc<Credentials>,
}

impl HttpCourier {
    /// Starts the threads. `listens_on` is the address of our own server: on loopback alone, this
    /// machine may be called.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(config: &CallbackConfig, keys: KeyRing, listens_on: IpAddr) -> io::Result<Self> {
        let private = config.allow_private_addresses;
        let reach = Reach { private, loopback: listens_on.is_loopback() };
        let credentials = Arc::new(Credentials::new(keys));
        let desk = Desk { transport: Transport::new(config, reach), credentials };
        // As many again as are being carried: enough that no thread waits, and no pile to forget.
        let (jobs, taken) = bounded(config.threads);
        for n in 0..config.threads {
            let (desk, taken) = (desk.clone(), taken.clone());
            let thread = std::thread::Builder::new().name(format!("callback-{n}"));
            thread.spawn(move || desk.work(&taken))?;
        }
        Ok(Self { jobs })
    }
}

impl Courier for HttpCourier {
    fn deliver(&self, parcel: Parcel, receipt: Receipt) -> Result<(), CourierBusy> {
        self.jobs.try_send((parcel, receipt)).map_err(|refused| match refused {
            TrySendError::Full((_, receipt)) | TrySendError::Disconnected((_, receipt)) => {
                receipt.refuse()
            }
        })
    }
}

impl Desk {
    fn work(&self, jobs: &Receiver<Job>) {
        while let Ok((parcel, receipt)) = jobs.recv() {
            // A panic is a bug of ours; it must not take the thread with it.
            let carried = catch_unwind(AssertUnwindSafe(|| self.carry(&parcel)));
            receipt.answer(carried.unwrap_or(Err(CallbackFailure::Lost)));
        }
    }

    fn carry(&self, parcel: &Parcel) -> Result<(), CallbackFailure> {
        let credentials = self.credentials.agent(&parcel.agent).ok_or(CallbackFailure::NoKey)?;
        let parm = payload::of(parcel);
        let request = CallbackRequest::new(&parcel.settings, &credentials.hawk, parm);
        self.transport.send(&request)
    }
}
