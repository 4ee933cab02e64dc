//! What a gate is told. Numbers are text, times are RFC 3339 with the venue's offset. Whoever holds a
//! code can enter, so the answers cannot be printed by mistake: they have no `Debug`.

use serde::Serialize;

/// What a code is worth at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherState {
    /// It can be redeemed.
    Usable,
    /// Every use has been redeemed.
    UsedUp,
    /// Its money was given back.
    Refunded,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    Expired,
}

/// Answer to `GET /v1/vouchers/{code}`.
#[derive(Clone, Serialize)]
pub struct VoucherAnswer {
    /// The code.
    pub code: String,
    /// Whether it can be redeemed now, or why not.
    pub state: VoucherState,
    /// Our id of the product.
    pub product_id: String,
    /// Its name when it was sold.
    pub product_name: String,
    /// Order number.
    pub order_no: String,
    /// Ticket number.
    pub ticket_id: String,
    /// Uses it was sold with.
    pub uses_total: u16,
    /// Uses redeemed and not reversed.
    pub uses_used: u16,
    /// Uses left.
    pub uses_left: u16,
    /// First instant at which it is valid.
    pub valid_from: String,
    /// First instant at which it is no longer valid.
    pub valid_until: String,
    /// Its redemptions, oldest first.
    pub redemptions: Vec<VoucherRedemption>,
}

/// A redemption of a code.
#[derive(Clone, Serialize)]
pub struct VoucherRedemption {
    /// Our number.
    pub redemption_no: String,
    /// Uses redeemed.
    pub quantity: u16,
    /// When.
    pub redeemed_at: String,
    /// When it was taken back, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reversed_at: Option<String>,
}

/// Answer to `POST /v1/vouchers/{code}/redeem`.
#[derive(Clone, Serialize)]
pub struct RedemptionAnswer {
    /// Our number of the redemption.
    pub redemption_no: String,
    /// The gate's number of the request.
    pub request_no: String,
    /// The code.
    pub code: String,
    /// Uses redeemed.
    pub quantity: u16,
    /// When.
    pub redeemed_at: String,
    /// Our id of the product.
    pub product_id: String,
    /// Its name when it was sold.
    pub product_name: String,
    /// Order number.
    pub order_no: String,
    /// Ticket number.
    pub ticket_id: String,
}

/// Answer to `POST /v1/vouchers/{code}/reverse`.
#[derive(Clone, Serialize)]
pub struct ReversalAnswer {
    /// Our number of the redemption that was taken back.
    pub redemption_no: String,
    /// The gate's number of the request.
    pub request_no: String,
    /// The code.
    pub code: String,
    /// Uses given back to the code.
    pub quantity: u16,
    /// When.
    pub reversed_at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_documented_names() {
        let name = |state| serde_json::to_string(&state).unwrap();
        let states = [
            VoucherState::Usable,
            VoucherState::UsedUp,
            VoucherState::Refunded,
            VoucherState::NotYetValid,
            VoucherState::Expired,
        ];
        let documented = include_str!("../../../docs/protocols/gate.md");
        for state in states {
            assert!(documented.contains(&format!("`{}`", name(state).trim_matches('"'))));
        }
    }
}
