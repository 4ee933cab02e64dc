//! What a refusal says to people: one Chinese sentence that a buyer may read, the same in every
//! protocol. It names no person and no internal number.

use crate::domain::account::{BalanceShort, BookingError};
use crate::domain::catalogue::{BookingProblem, ConditionError, LimitScope, LimitWindow};
use crate::domain::identity::DocumentError;
use crate::domain::inventory::Available;
use crate::domain::order::{CloseReason, RedeemError, RefundError, ReverseError};
use crate::engine::{DateProblem, Rejection};

/// Said of a request that was not decided and may be repeated as it is.
pub const BUSY: &str = "系统繁忙，请稍后重试";
/// Said of a request that may have been carried out.
pub const OUTCOME_UNKNOWN: &str = "处理结果未知，请使用同一单号重试或查询，请勿另行下单";
/// Said of a success.
pub const SUCCESS: &str = "成功";

/// The sentence for a refusal.
#[must_use]
pub fn sentence(rejection: &Rejection) -> String {
    match rejection {
        Rejection::NoLines => "订单没有明细".to_owned(),
        Rejection::TooManyLines { max, .. } => format!("订单明细过多，最多{max}条"),
        Rejection::UnknownProduct { .. } => "产品不存在".to_owned(),
        Rejection::MixedSuppliers => "一个订单不能包含不同景区的产品".to_owned(),
        Rejection::OffSale { .. } => "产品已停售".to_owned(),
        Rejection::ChannelClosed { .. } => "该渠道不销售此产品".to_owned(),
        Rejection::NotYetOnSale { .. } => "产品尚未开售".to_owned(),
        Rejection::SaleEnded { .. } => "产品已结束销售".to_owned(),
        Rejection::BadQuantity { .. } => "购买数量必须大于零".to_owned(),
        Rejection::OrderQuantity { min, max, .. } => {
            format!("购买数量超出限制，每单最少{min}张，最多{max}张")
        }
        Rejection::Date { problem, .. } => date(*problem).to_owned(),
        Rejection::UnknownTimespan => "时段不存在或未指定时段".to_owned(),
        Rejection::UnknownPerformance => "场次不存在或未指定场次".to_owned(),
        Rejection::UnknownArea => "座位区域不存在或未指定座位区域".to_owned(),
        Rejection::PerformanceOnAnotherDay => "场次与游玩日期不一致".to_owned(),
        Rejection::UnknownSeat { .. } => "座位不存在".to_owned(),
        Rejection::SeatsElsewhere => "同一明细的座位必须在同一座位区域".to_owned(),
        Rejection::SeatCount { named: 0, .. } => "请选择座位".to_owned(),
        Rejection::SeatCount { named, tickets } => {
            format!("座位数与票数不一致，{tickets}张票需要{tickets}个座位，收到{named}个")
        }
        Rejection::SeatRepeated { id } => format!("座位{id}重复"),
        Rejection::SeatNotForSale { id } => format!("座位{id}不出售"),
        Rejection::SeatTaken { id } => format!("座位{id}已被占用，请重新选座"),
        Rejection::SeatChoiceUnsupported => "该产品不支持自选座位".to_owned(),
        Rejection::BadValidity => "有效期为空或已结束".to_owned(),
        Rejection::DocumentMissing => "请填写游客证件号码".to_owned(),
        Rejection::UnknownDocumentType => "证件类型不支持".to_owned(),
        Rejection::Document(DocumentError::FirstGeneration) => {
            "不支持15位身份证号码，请填写18位身份证号码".to_owned()
        }
        Rejection::Document(_) => "证件号码不正确".to_owned(),
        Rejection::Condition(error) => condition(error),
        Rejection::NameMissing => "请填写游客姓名".to_owned(),
        Rejection::Name(_) => "游客姓名不正确".to_owned(),
        Rejection::MobileMissing => "请填写手机号码".to_owned(),
        Rejection::Mobile(_) => "手机号码不正确".to_owned(),
        Rejection::TravellersMismatch { travellers, tickets } => {
            format!(
                "游客人数与票数不一致，{tickets}张票需要{tickets}位游客信息，收到{travellers}位"
            )
        }
        Rejection::BuyerMissing { .. } => "请提供购买用户的标识".to_owned(),
        Rejection::DocumentTwice => "同一订单中同一证件只能购买一张".to_owned(),
        Rejection::TotalOutOfRange => "订单金额超出范围".to_owned(),
        Rejection::SlotClosed { .. } => "所选日期或时段已停售".to_owned(),
        Rejection::NotAdjusted(_) => "库存调整未生效".to_owned(),
        Rejection::SoldOut { available, .. } => sold_out(*available),
        Rejection::NoTimespanLeft { .. } => "当日各时段余票均不足".to_owned(),
        Rejection::LimitExceeded { about, used, max, .. } => {
            let about = about.map_or(String::new(), |(scope, window)| limit(scope, window));
            format!("超出限购数量，{about}限购{max}张，已购{used}张")
        }
        Rejection::BalanceShort(BalanceShort { .. }) => "代理商账户余额不足".to_owned(),
        Rejection::Booking(error) => booking(*error).to_owned(),
        Rejection::OrderClosed(CloseReason::Cancelled) => "订单已取消".to_owned(),
        Rejection::OrderClosed(CloseReason::Expired) => "订单超时未支付，已关闭".to_owned(),
        Rejection::OrderClosed(CloseReason::Refunded) => "订单已全部退票".to_owned(),
        Rejection::OrderPaid => "订单已支付".to_owned(),
        Rejection::Refund(error) => refund(*error),
        Rejection::RefundClosed => "已超过可退票时间".to_owned(),
        Rejection::Redeem(error) => redeem(*error),
        Rejection::Reverse(ReverseError::UnknownRedemption) => "核销记录不存在".to_owned(),
        Rejection::Reverse(ReverseError::AlreadyReversed) => "核销已撤销".to_owned(),
        Rejection::UnknownOrder => "订单不存在".to_owned(),
        Rejection::TooLarge => "订单内容过大".to_owned(),
        Rejection::CodesExhausted => "系统故障，无可用券码".to_owned(),
    }
}

/// Operators alone hear these.
const fn booking(error: BookingError) -> &'static str {
    match error {
        BookingError::AlreadyBooked => "该笔已入账",
        BookingError::ReferenceTaken => "该参考号已用于另一笔入账",
        BookingError::UnderWay => "同一笔正在处理",
        BookingError::OutOfRange => "账户、金额或授信额度不正确",
        BookingError::Short(_) => "余额或授信额度不足",
    }
}

fn refund(error: RefundError) -> String {
    match error {
        RefundError::NotPaid => "订单未支付，不能退票".to_owned(),
        RefundError::NoTickets => "请指定要退的门票".to_owned(),
        RefundError::UnknownTicket(ticket) => format!("订单中没有门票{ticket}"),
        RefundError::TicketUsed(ticket) => format!("门票{ticket}已使用，不能退票"),
    }
}

fn redeem(error: RedeemError) -> String {
    match error {
        RedeemError::RequestReused => "请求号已用于其他核销".to_owned(),
        RedeemError::UnknownTicket => "订单中没有该门票".to_owned(),
        RedeemError::NoUses => "核销数量必须大于零".to_owned(),
        RedeemError::Refunded(_) => "门票已退".to_owned(),
        RedeemError::UsedUp { left: 0, .. } => "门票已使用".to_owned(),
        RedeemError::UsedUp { left, .. } => format!("剩余可用次数不足，仅剩{left}次"),
        RedeemError::TooEarly { .. } => "未到使用时间".to_owned(),
        RedeemError::Expired(_) => "门票已过期".to_owned(),
    }
}

const fn date(problem: DateProblem) -> &'static str {
    match problem {
        DateProblem::Malformed => "日期不正确，格式应为yyyyMMdd",
        DateProblem::Missing => "请选择游玩日期",
        DateProblem::Past => "游玩日期已过",
        DateProblem::TooFarAhead => "游玩日期超出可预订范围",
        DateProblem::NotOffered => "所选日期不可预订",
        DateProblem::Booking(BookingProblem::OutOfSeason) => "所选日期不在销售季节内",
        DateProblem::Booking(BookingProblem::Weekday) => "所选日期所在的星期不可预订",
        DateProblem::Booking(BookingProblem::Blackout) => "所选日期暂停预订",
        DateProblem::Booking(BookingProblem::SameDay) => "该产品不可预订当日",
        DateProblem::Booking(BookingProblem::BookingEnded) => "已过所选日期或时段的预订截止时间",
        DateProblem::Closed => "所选日期或时段已关闭",
        DateProblem::Over => "所选时段或场次已结束售票",
    }
}

fn sold_out(available: Available) -> String {
    match available {
        Available::Left(left) if left.get() > 0 => format!("库存不足，仅剩{left}张"),
        _ => "库存不足，已售罄".to_owned(),
    }
}

fn limit(scope: LimitScope, window: LimitWindow) -> String {
    let scope = match scope {
        LimitScope::Document => "每个证件",
        LimitScope::Mobile => "每个手机号",
        LimitScope::Agent => "代理商",
        LimitScope::AgentUser | LimitScope::OpenId => "每个用户",
        LimitScope::Channel => "该渠道",
        LimitScope::Everyone => "所有购买者",
    };
    let window = match window {
        LimitWindow::Timespan => "每个时段",
        LimitWindow::VisitDate => "每个游玩日",
        LimitWindow::OrderDate => "每日",
        LimitWindow::Week => "每周",
        LimitWindow::Month => "每月",
        LimitWindow::Rolling { days } => return format!("{scope}每{days}天"),
        LimitWindow::Lifetime => "",
    };
    format!("{scope}{window}")
}

/// An operator's own words where a pattern forbids a number; age, sex and region are said as rules,
/// never as what the document tells.
fn condition(error: &ConditionError) -> String {
    match error {
        ConditionError::Kind => "该产品不支持此类证件".to_owned(),
        ConditionError::Prefix | ConditionError::NoMatch => "该证件号码不符合购买条件".to_owned(),
        ConditionError::Region => "该证件所属地区不符合购买条件，或证件无法核验地区".to_owned(),
        ConditionError::Age { from, to } => {
            let wanted = match (from, to) {
                (Some(from), Some(to)) => format!("{from}至{to}周岁"),
                (Some(from), None) => format!("{from}周岁及以上"),
                (None, Some(to)) => format!("{to}周岁及以下"),
                (None, None) => "规定年龄".to_owned(),
            };
            format!("游客年龄不符合购买条件（{wanted}），或证件无法核验年龄")
        }
        ConditionError::Sex => "游客性别不符合购买条件，或证件无法核验性别".to_owned(),
        ConditionError::Forbidden { text } => text.to_string(),
    }
}
