//! Giving tickets back. Source: docs/protocols/ota.md, "Refund".

use std::borrow::Cow;

use super::{Call, failure, order_id, with_null_model};
use crate::actors::{EngineError, Owner, RefundRequest, Refunded};
use crate::domain::order::RefundSelection;
use crate::engine::Rejection;
use crate::http::{Answer, Outcome, webapi, within};
use crate::types::TicketId;
use crate::wire::codec::{Body, Decoded};
use crate::wire::message;
use crate::wire::ota::{CommonOperationResult, RefundParm, ResultCode};

const BAD_SCOPE: &str = "退票方式不正确，应为1（整单）或0（指定门票）";
const BAD_TICKET: &str = "门票号不正确";

impl Call<'_> {
    /// Gives tickets of a paid order back; the answer's tag is the batch number. Sent again, the first
    /// answer is given again.
    pub(super) async fn refund(&self, body: &Body<'_>) -> Answer {
        let Decoded { model, state } =
            body.read::<RefundParm<'_>>("parm", &self.state.config.limits());
        let parm = match model {
            Some(parm) if state.is_valid() => parm,
            _ => return self.invalid_common(&with_null_model(state)),
        };
        let tickets = match selection(&parm) {
            Ok(tickets) => tickets,
            Err(text) => return self.refused_common(text),
        };
        let refunded = match parm.orderid.as_deref().and_then(order_id) {
            Some(order) => {
                let owner = Owner::Agent(self.caller.agent().no);
                // The protocol has no number for a refund: what it names is what it is.
                let request = RefundRequest { order, tickets, request: None };
                within(self.state, self.state.engine.refund(owner, request)).await
            }
            None => Err(Rejection::UnknownOrder.into()),
        };
        self.refund_answer(refunded)
    }

    fn refund_answer(&self, refunded: Result<Refunded, EngineError>) -> Answer {
        let (code, text, tag, outcome) = match refunded {
            Ok(Refunded { refund, .. }) => {
                let tag = Some(Cow::from(format!("{:017}", refund.batch)));
                (ResultCode::SUCCESS, message::SUCCESS.to_owned(), tag, Outcome::Ok)
            }
            Err(error) => {
                // A refund sent again gives back nothing twice.
                let (code, text) = failure(&error, true);
                (code, text, None, Outcome::of(&error))
            }
        };
        let errmsg = Some(text.into());
        let result = CommonOperationResult { errcode: code.get(), errmsg, tag };
        webapi::result(self.request, &result, outcome)
    }
}

/// Which tickets are meant. Naming none is the engine's to refuse.
fn selection(parm: &RefundParm<'_>) -> Result<RefundSelection, &'static str> {
    match parm.refundallticket.as_deref() {
        Some("1") => Ok(RefundSelection::All),
        Some("0") => {
            let named = parm.ticketids.iter().flatten();
            let tickets = named.map(|id| order_id(id.trim()).map(|id| TicketId::new(id.get())));
            let tickets = tickets.collect::<Option<_>>().ok_or(BAD_TICKET)?;
            Ok(RefundSelection::Tickets(tickets))
        }
        _ => Err(BAD_SCOPE),
    }
}
