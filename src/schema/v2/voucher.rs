//! Vouchers.

use serde::{Deserialize, Serialize};

use super::{Invalid, Mirrored};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::types::{OrderId, ProductNo, TicketId, UnixMillis, VoucherCode};

/// Twin of [`Voucher`]. Instants in milliseconds since 1970-01-01 UTC.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct VoucherV2 {
    /// The code's digits read as a number.
    code: u64,
    number: u64,
    /// Fixed width, like every number of 19 digits: as a varint it would take nine bytes.
    #[serde(with = "postcard::fixint::le")]
    ticket: u64,
    #[serde(with = "postcard::fixint::le")]
    order: u64,
    product: u32,
    uses: u16,
    valid_from: i64,
    valid_until: i64,
}

impl Mirrored for Voucher {
    type Mirror<'a> = VoucherV2;

    fn mirror(&self) -> VoucherV2 {
        let Self { code, number, ticket, order, product, uses, valid_from, valid_until } = *self;
        VoucherV2 {
            code: code.to_number(),
            number,
            ticket: ticket.get(),
            order: order.get(),
            product: product.get(),
            uses,
            valid_from: valid_from.get(),
            valid_until: valid_until.get(),
        }
    }

    fn restore(mirror: VoucherV2) -> Result<Self, Invalid> {
        let VoucherV2 { code, number, ticket, order, product, uses, valid_from, valid_until } =
            mirror;
        Ok(Self {
            code: VoucherCode::from_number(code).map_err(|_| Invalid)?,
            number,
            ticket: TicketId::new(ticket),
            order: OrderId::new(order),
            product: ProductNo::new(product),
            uses,
            valid_from: UnixMillis::new(valid_from),
            valid_until: UnixMillis::new(valid_until),
        })
    }
}

/// Twin of [`VoucherEvent`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum VoucherEventV2 {
    /// 0
    Issued(VoucherV2),
}

impl Mirrored for VoucherEvent {
    type Mirror<'a> = VoucherEventV2;

    fn mirror(&self) -> VoucherEventV2 {
        match self {
            Self::Issued(voucher) => VoucherEventV2::Issued(voucher.mirror()),
        }
    }

    fn restore(mirror: VoucherEventV2) -> Result<Self, Invalid> {
        match mirror {
            VoucherEventV2::Issued(voucher) => Voucher::restore(voucher).map(Self::Issued),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{SchemaError, decode_voucher};

    #[test]
    fn a_code_has_twelve_digits() {
        let check = |code: u64, expected: Option<SchemaError>| {
            let voucher = Voucher {
                code: VoucherCode::from_number(0).unwrap(),
                number: 4,
                ticket: TicketId::new(2),
                order: OrderId::new(1),
                product: ProductNo::new(3),
                uses: 1,
                valid_from: UnixMillis::new(0),
                valid_until: UnixMillis::new(1),
            };
            let mut bytes = vec![2];
            super::super::write(&VoucherV2 { code, ..voucher.mirror() }, &mut bytes);
            assert_eq!(decode_voucher(&bytes).err(), expected, "{code}");
        };
        check(VoucherCode::SPACE - 1, None);
        check(VoucherCode::SPACE, Some(SchemaError::Invalid));
        check(u64::MAX, Some(SchemaError::Invalid));
    }
}
