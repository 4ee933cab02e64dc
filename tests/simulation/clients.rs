//! Agents' programs, gates, operators and the network between them and us: requests are sent twice,
//! overtake each other and are repeated when no answer came; answers get lost.

use piaoku::types::{AgentNo, OrderId, RequestKey, UnixMillis};

use crate::message::{Call, Reply, Request, Undone, Uses};
use crate::random::Random;
use crate::world;

/// Of a hundred answers, so many never arrive.
const LOST_PERCENT: u64 = 12;
/// Of a hundred requests, so many are sent twice at once.
const TWICE_PERCENT: u64 = 25;

/// Where tickets are used.
const GATES: [&str; 2] = ["gate/east", "gate/west"];

/// Something that somebody goes on asking until it is answered for good.
#[derive(Debug)]
struct Intent {
    /// What tells it from others of the same caller.
    name: String,
    call: Call,
    answered: bool,
}

#[derive(Debug, Default)]
pub struct Clients {
    intents: Vec<Intent>,
    /// Orders somebody was told of.
    known: Vec<(AgentNo, OrderId)>,
    /// Those of them that were to be paid.
    unpaid: Vec<(AgentNo, OrderId)>,
    /// Redemptions some gate was told of.
    redeemed: Vec<(OrderId, u64)>,
    /// Requests on their way.
    network: Vec<Call>,
}

impl Clients {
    /// Somebody does something.
    pub fn act(&mut self, random: &mut Random, now: UnixMillis) {
        match random.below(32) {
            0..=8 => self.want(random, now),
            9..=13 => self.repeat(random, now),
            14 => {
                let agent = world::agent(random);
                let draft = world::draft(random, agent, now);
                self.send(random, Call { agent, request: Request::Verify { draft } });
            }
            15..=17 => {
                let payment = world::payment(random, now);
                self.about_an_order(random, |order| Request::Pay { order, payment });
            }
            18..=19 => self.about_an_order(random, |order| Request::Cancel { order }),
            20 => {
                let recent = self.unpaid.len().saturating_sub(3);
                let until = now.plus_millis(random.below(300_000) as i64);
                if let Some(&(agent, order)) = random.pick(&self.unpaid[recent..]) {
                    self.send(random, Call { agent, request: Request::Extend { order, until } });
                }
            }
            21..=23 => self.give_back(random),
            24..=27 => self.pass_a_gate(random),
            28..=29 => self.undo_at_a_gate(random),
            _ => {
                let request = world::change(random, self.intents.len(), now);
                self.intend(random, Call { agent: world::HOUSE, request });
            }
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
    pub fn receive(
        &mut self,
        random: &mut Random,
        call: &Call,
        reply: &Reply,
        (now, reliable): (UnixMillis, bool),
    ) {
        if !reliable && random.chance(LOST_PERCENT) {
            return;
        }
        if let Reply::Sold { order, .. } | Reply::Placed { order } = reply {
            self.known.push((call.agent, *order));
        }
        if let Reply::Placed { order } = reply {
            self.unpaid.push((call.agent, *order));
            // Some want more time at once.
            if !reliable && random.chance(15) {
                let until = now.plus_millis(random.below(600_000) as i64);
                let request = Request::Extend { order: *order, until };
                self.network.push(Call { agent: call.agent, request });
            }
        }
        if let Reply::Redeemed { order, no } = reply {
            self.redeemed.push((*order, *no));
        }
        // Both of these ask for the same request again.
        if matches!(reply, Reply::Overloaded | Reply::OutcomeUnknown) {
            return;
        }
        let Some(name) = call.request.intent() else { return };
        let asked = |intent: &&mut Intent| intent.name == name && intent.call.agent == call.agent;
        for intent in self.intents.iter_mut().filter(asked) {
            intent.answered = true;
        }
    }

    fn want(&mut self, random: &mut Random, now: UnixMillis) {
        let agent = world::agent(random);
        // Keys are an agent's own: now and then two agents choose the same.
        let key = world::request_key("order", random, self.intents.len());
        let request = self.request(random, agent, key, now);
        self.intend(random, Call { agent, request });
    }

    /// A known request again: unanswered or answered, now and then asking for something else with the
    /// same number.
    fn repeat(&mut self, random: &mut Random, now: UnixMillis) {
        let recent = self.intents.len().saturating_sub(16);
        let Some(intent) = random.pick(&self.intents[recent..]) else { return };
        let mut call = intent.call.clone();
        if random.chance(30) {
            match &mut call.request {
                Request::Sell { key, .. } | Request::Place { key, .. } => {
                    let key = key.clone();
                    call.request = self.request(random, call.agent, key, now);
                }
                Request::Refund { ticket, .. } => *ticket = Some(random.below(4)),
                Request::Redeem { what, .. } => *what = uses(random),
                Request::Reverse { what, .. } => *what = Undone::LastOf(random.below(4)),
                _ => {}
            }
        }
        self.send(random, call);
    }

    /// Tickets come back, all or one, with a number of the caller's or without.
    fn give_back(&mut self, random: &mut Random) {
        let Some((agent, order)) = self.some_order(random) else { return };
        let ticket = random.chance(60).then(|| random.below(4));
        let number = self.intents.len();
        let request = random.chance(70).then(|| world::request_key("refund", random, number));
        self.intend(random, Call { agent, request: Request::Refund { order, ticket, request } });
    }

    /// A visitor comes to a gate; now and then somebody else to the other with the same ticket.
    fn pass_a_gate(&mut self, random: &mut Random) {
        let Some((_, order)) = self.some_order(random) else { return };
        let what = uses(random);
        let number = self.intents.len();
        let first = random.below(GATES.len());
        let gates = if random.chance(40) { 2 } else { 1 };
        for gate in 0..gates {
            let by = GATES[(first + gate) % GATES.len()];
            // An order's own numbers, few enough to meet again.
            let request = world::request_key("use", random, number % 6);
            let request = Request::Redeem { order, by, request, what };
            self.intend(random, Call { agent: world::HOUSE, request });
        }
    }

    /// A use is taken back, at the gate where it was or at the other.
    fn undo_at_a_gate(&mut self, random: &mut Random) {
        let recent = self.redeemed.len().saturating_sub(12);
        let Some(&(order, no)) = random.pick(&self.redeemed[recent..]) else { return };
        let what = match random.below(2) {
            0 => Undone::Redemption(no),
            _ => Undone::LastOf(random.below(4)),
        };
        let by = GATES[random.below(GATES.len())];
        let request = world::request_key("undo", random, self.intents.len());
        let request = Request::Reverse { order, by, request, what };
        self.intend(random, Call { agent: world::HOUSE, request });
    }

    /// Asks, and goes on asking if that is no other request.
    fn intend(&mut self, random: &mut Random, call: Call) {
        if let Some(name) = call.request.intent() {
            self.intents.push(Intent { name, call: call.clone(), answered: false });
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
        let Some((owner, order)) = self.some_order(random) else { return };
        let agent = if random.chance(5) { world::agent(random) } else { owner };
        self.send(random, Call { agent, request: ask(order) });
    }

    /// An order somebody was told of lately.
    fn some_order(&self, random: &mut Random) -> Option<(AgentNo, OrderId)> {
        let recent = if random.chance(60) { 4 } else { 16 };
        let recent = self.known.len().saturating_sub(recent);
        random.pick(&self.known[recent..]).copied()
    }

    fn send(&mut self, random: &mut Random, call: Call) {
        if random.chance(TWICE_PERCENT) {
            self.network.push(call.clone());
        }
        self.network.push(call);
    }
}

fn uses(random: &mut Random) -> Uses {
    if random.chance(20) {
        return Uses::Line(random.below(2));
    }
    Uses::Ticket(random.below(4), [0, 1, 1, 1, 1, 1, 2, 3][random.below(8)])
}
