//! What a ticket is shown by at the gate. These answers have a place of their own for what went wrong.
//! Source: docs/protocols/ota.md, "Barcodes".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::actors::EngineError;
use crate::domain::order::OrderState;
use crate::engine::Rejection;
use crate::http::ota::failure;
use crate::http::queries::order::find_ticket;
use crate::http::queries::{Problem, Question};
use crate::http::{Answer, Outcome, webapi};
use crate::types::VoucherCode;
use crate::wire::message;
use crate::wire::ota::query::TicketResourceResult;
use crate::wire::ota::{ResultCode, qr_png};

/// Why a ticket is not shown.
type Refusal = (ResultCode, String, Outcome);

impl Question<'_> {
    /// What the barcode of a ticket says.
    pub(super) async fn barcode(&self, order: &str, ticket: &str) -> Answer {
        match self.code(order, ticket).await {
            Ok(code) => self.resource(Ok((code, None))),
            Err(refusal) => self.resource(Err(refusal)),
        }
    }

    /// A ticket's QR code.
    pub(super) async fn ticket_image(&self, order: &str, ticket: &str) -> Answer {
        let code = match self.code(order, ticket).await {
            Ok(code) => code,
            Err(refusal) => return self.resource(Err(refusal)),
        };
        match qr_png(&code.to_string()) {
            Ok(image) => self.resource(Ok((code, Some(STANDARD.encode(image))))),
            Err(error) => {
                tracing::error!(%error, "a voucher code cannot be drawn");
                let text = message::BUSY.to_owned();
                self.resource(Err((ResultCode::SYSTEM_FAULT, text, Outcome::Unavailable)))
            }
        }
    }

    /// The voucher code of a usable ticket of the caller's.
    async fn code(&self, order: &str, ticket: &str) -> Result<VoucherCode, Refusal> {
        let order = self.order(order).await.map_err(|problem| match problem {
            Problem::Engine(error) => refusal(&error),
            // An order is asked for by its number alone, so nothing else can be wrong with it.
            _ => refusal(&Rejection::UnknownOrder.into()),
        })?;
        let no = |text: &str| (ResultCode::OTHER, text.to_owned(), Outcome::Rejected);
        match &order.state {
            OrderState::Held { .. } => return Err(no("订单未支付")),
            // One closed by giving everything back has tickets, of which each says so.
            OrderState::Closed { reason, .. } if order.tickets.is_empty() => {
                return Err(refusal(&Rejection::OrderClosed(*reason).into()));
            }
            OrderState::Closed { .. } | OrderState::Paid { .. } => {}
        }
        let (_, ticket) = find_ticket(&order, ticket).ok_or_else(|| no("票不存在"))?;
        let uses = order.lines.get(usize::from(ticket.line)).map_or(1, |line| line.uses);
        match ticket {
            _ if ticket.refunded => Err(no("票已退")),
            _ if ticket.used >= uses => Err(no("票已使用")),
            _ => Ok(ticket.code),
        }
    }

    fn resource(&self, shown: Result<(VoucherCode, Option<String>), Refusal>) -> Answer {
        let (result, outcome) = match shown {
            Ok((code, image)) => {
                let result = TicketResourceResult {
                    lbsbh: Some(code.to_string().into()),
                    errmsg: Some(message::SUCCESS.into()),
                    errcode: ResultCode::SUCCESS.get(),
                    imagebase64: image.map(Into::into),
                    needrefreshtime: None,
                };
                (result, Outcome::Ok)
            }
            Err((code, text, outcome)) => {
                let errmsg = Some(text.into());
                (
                    TicketResourceResult { errmsg, errcode: code.get(), ..Default::default() },
                    outcome,
                )
            }
        };
        webapi::result(self.request, &result, outcome)
    }
}

/// Asking changes nothing, so it may always be repeated.
fn refusal(error: &EngineError) -> Refusal {
    let (code, text) = failure(error, true);
    (code, text, Outcome::of(error))
}
