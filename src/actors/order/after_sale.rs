//! What may become of an order after it was placed, besides paying and closing it: each command is
//! decided on the order, under its lock, and becomes one record.

use std::sync::Arc;

use crate::actors::order::drive::is_told;
use crate::actors::order::{OrderActor, Reply, Submit};
use crate::domain::order::{
    NoticeOutcome, Order, OrderState, RedeemDecision, Redemption, RefundDecision, RefundSelection,
    Reversal, ReverseDecision, ReverseSelection, UseSelection,
};
use crate::engine::Rejection;
use crate::engine::checkout::Purpose;
use crate::engine::refund::quote;
use crate::engine::transaction::{Transaction, calendar_year};
use crate::types::{RequestKey, UnixMillis};

impl OrderActor {
    pub(super) fn begin_extension(
        &mut self,
        order: &Arc<Order>,
        until: UnixMillis,
        submit: Submit,
    ) {
        let now = self.context.clock.now();
        match order.decide_extend(until) {
            Ok(expires_at) if order.state == (OrderState::Held { expires_at }) => {
                submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
            }
            Ok(expires_at) => {
                let extended = Transaction::extend(order, expires_at, now);
                self.begin_record(order.id, extended, Some(submit));
            }
            Err(error) => submit.answer(Err(Rejection::from(error).into())),
        }
    }

    pub(super) fn begin_refund(
        &mut self,
        order: &Arc<Order>,
        selection: &RefundSelection,
        request: Option<RequestKey>,
        submit: Submit,
    ) {
        let tickets = match order.decide_refund(selection, request.as_ref()) {
            Ok(RefundDecision::Tickets(tickets)) => tickets,
            Ok(RefundDecision::Done(_)) => {
                return submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
            }
            Err(error) => return submit.answer(Err(Rejection::from(error).into())),
        };
        let (catalogue, now) = (self.context.catalogue.load(), self.context.clock.now());
        match quote(order, &tickets, request, &catalogue, now) {
            Ok(refund) => {
                let (id, refund) = (order.id, Box::new(refund));
                let order = Box::new(Order::clone(order));
                self.begin(Purpose::Refund { order, refund }, submit, Some(id));
            }
            Err(rejection) => submit.answer(Err(rejection.into())),
        }
    }

    pub(super) fn begin_redemption(
        &mut self,
        order: &Arc<Order>,
        by: Box<str>,
        request: RequestKey,
        selection: &UseSelection,
        submit: Submit,
    ) {
        let now = self.context.clock.now();
        let uses = match order.decide_redeem(&by, &request, selection, now) {
            Ok(RedeemDecision::Use(uses)) => uses,
            Ok(RedeemDecision::Done(_)) => {
                return submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
            }
            Err(error) => return submit.answer(Err(Rejection::from(error).into())),
        };
        let no = self.fresh_number();
        let redemption = Redemption { no, by, request, uses, at: now, reversed: None };
        let catalogue = self.context.catalogue.load();
        let offset = catalogue.supplier(order.supplier).map_or(0, |s| s.utc_offset_seconds);
        let (year, told) = (calendar_year(now, offset), is_told(&catalogue, order));
        let redeemed = Transaction::redeem(order, redemption, year, told);
        self.begin_record(order.id, redeemed, Some(submit));
    }

    pub(super) fn begin_reversal(
        &mut self,
        order: &Arc<Order>,
        by: Box<str>,
        request: RequestKey,
        selection: ReverseSelection,
        submit: Submit,
    ) {
        let now = self.context.clock.now();
        match order.decide_reverse(&by, &request, selection) {
            Ok(ReverseDecision::Reverse(no)) => {
                let reversed = Transaction::reverse(order, no, Reversal { by, request, at: now });
                self.begin_record(order.id, reversed, Some(submit));
            }
            Ok(ReverseDecision::Done(_)) => {
                submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
            }
            Err(error) => submit.answer(Err(Rejection::from(error).into())),
        }
    }

    pub(super) fn begin_settling(
        &mut self,
        order: &Arc<Order>,
        no: u16,
        outcome: NoticeOutcome,
        submit: Submit,
    ) {
        if !order.notices.iter().any(|notice| notice.no == no) {
            return submit.answer(Ok(Reply::Unchanged(Arc::clone(order))));
        }
        let now = self.context.clock.now();
        let settled = Transaction::settle(order, no, outcome, now);
        self.begin_record(order.id, settled, Some(submit));
    }
}
