//! Agents' programs and the network between them and us: requests are sent twice, overtake each
//! other and are repeated when no answer came; answers get lost.

use piaoku::types::{AgentNo, OrderId, RequestKey, UnixMillis};

use crate::message::{Call, Reply, Request};
use crate::random::Random;
use crate::world;

/// Of a hundred answers, so many never arrive.
const LOST_PERCENT: u64 = 12;
/// Of a hundred requests, so many are sent twice at once.
const TWICE_PERCENT: u64 = 25;

/// An order somebody wants, until it is answered for good.
#[derive(Debug)]
struct Intent {
    key: RequestKey,
    call: Call,
    answered: bool,
}

#[derive(Debug, Default)]
pub struct Clients {
    intents: Vec<Intent>,
    /// Orders somebody was told of.
    known: Vec<(AgentNo, OrderId)>,
    /// Requests on their way.
    network: Vec<Call>,
}

impl Clients {
    /// Somebody does something.
    pub fn act(&mut self, random: &mut Random, now: UnixMillis) {
        match random.below(20) {
            0..=8 => self.want(random, now),
            9..=12 => self.repeat(random, now),
            13..=14 => {
                let agent = world::agent(random);
                let draft = world::draft(random, agent, now);
                self.send(random, Call { agent, request: Request::Verify { draft } });
            }
            15..=17 => {
                let payment = world::payment(random, now);
                self.about_an_order(random, |order| Request::Pay { order, payment });
            }
            _ => self.about_an_order(random, |order| Request::Cancel { order }),
        }
    }

    /// Sends everything again that has no answer yet; says whether there was any.
    pub fn insist(&mut self) -> bool {
        let open = self.intents.iter().filter(|intent| !intent.answered);
        let before = self.network.len();
        self.network.extend(open.map(|intent| intent.call.clone()));
        self.network.len() > before
    }

    /// A request arrives: any of those on their way.
    pub fn next_arrival(&mut self, random: &mut Random) -> Option<Call> {
        random.take(&mut self.network)
    }

    pub fn has_arrivals(&self) -> bool {
        !self.network.is_empty()
    }

    /// An answer arrives, or is lost on the way.
    pub fn receive(&mut self, random: &mut Random, call: &Call, reply: &Reply, reliable: bool) {
        if !reliable && random.chance(LOST_PERCENT) {
            return;
        }
        if let Reply::Sold { order, .. } | Reply::Placed { order } = reply {
            self.known.push((call.agent, *order));
        }
        // Both of these ask for the same request again.
        if matches!(reply, Reply::Overloaded | Reply::OutcomeUnknown) {
            return;
        }
        let (Request::Sell { key, .. } | Request::Place { key, .. }) = &call.request else {
            return;
        };
        let asked = |intent: &&mut Intent| intent.key == *key && intent.call.agent == call.agent;
        for intent in self.intents.iter_mut().filter(asked) {
            intent.answered = true;
        }
    }

    fn want(&mut self, random: &mut Random, now: UnixMillis) {
        let agent = world::agent(random);
        // Keys are an agent's own: now and then two agents choose the same.
        let number = if random.chance(10) { 0 } else { self.intents.len() };
        let key = RequestKey::new(&format!("order-{number}")).expect("it is short");
        let request = self.request(random, agent, key.clone(), now);
        let call = Call { agent, request };
        self.intents.push(Intent { key, call: call.clone(), answered: false });
        self.send(random, call);
    }

    /// A known key again: unanswered or answered, now and then asking for something else with it.
    fn repeat(&mut self, random: &mut Random, now: UnixMillis) {
        if self.intents.is_empty() {
            return;
        }
        let recent = self.intents.len().saturating_sub(12);
        let index = recent + random.below(self.intents.len() - recent);
        let Intent { key, call, .. } = &self.intents[index];
        let (key, mut call) = (key.clone(), call.clone());
        if random.chance(30) {
            call.request = self.request(random, call.agent, key, now);
        }
        self.send(random, call);
    }

    fn request(
        &self,
        random: &mut Random,
        agent: AgentNo,
        key: RequestKey,
        now: UnixMillis,
    ) -> Request {
        let draft = world::draft(random, agent, now);
        if random.chance(60) {
            let payment = world::payment(random, now);
            return Request::Sell { key, draft, payment };
        }
        Request::Place { key, draft }
    }

    fn about_an_order(&mut self, random: &mut Random, ask: impl FnOnce(OrderId) -> Request) {
        let recent = self.known.len().saturating_sub(12);
        let Some(&(owner, order)) = random.pick(&self.known[recent..]) else { return };
        let agent = if random.chance(5) { world::agent(random) } else { owner };
        self.send(random, Call { agent, request: ask(order) });
    }

    fn send(&mut self, random: &mut Random, call: Call) {
        if random.chance(TWICE_PERCENT) {
            self.network.push(call.clone());
        }
        self.network.push(call);
    }
}
