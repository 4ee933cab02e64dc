//! Order numbers and voucher codes of a running process, resumed from what recovery found.

use piaoku::engine::ids::{IdSource, Numbers, supplier_of};
use piaoku::engine::state::State;
use piaoku::types::{SupplierNo, UnixMillis, VoucherCode};

use crate::world;

#[derive(Debug)]
pub struct Ids {
    numbers: Vec<Numbers>,
    next_code: u64,
}

/// The ids of one supplier. Some requests find that there are no codes left.
pub struct SupplierIds<'a> {
    ids: &'a mut Ids,
    supplier: SupplierNo,
    codes_left: usize,
}

impl Ids {
    /// Ids that continue after every one in `state`.
    pub fn resumed(state: &State) -> Self {
        let suppliers = (0..world::SUPPLIERS).map(SupplierNo::new);
        let mut ids = Self { numbers: suppliers.map(Numbers::new).collect(), next_code: 0 };
        for order in state.orders.values().map(|order| &order.value) {
            let lines = order.lines.iter().map(|line| line.id.get());
            let tickets = order.tickets.iter().map(|ticket| ticket.id.get());
            let redemptions = order.redemptions.iter().map(|redemption| redemption.no);
            let numbers = std::iter::once(order.id.get()).chain(lines).chain(tickets);
            for number in numbers.chain(redemptions) {
                ids.numbers[usize::from(supplier_of(number).get())].observe(number);
            }
            let codes = order.tickets.iter().map(|ticket| ticket.code.to_number() + 1);
            ids.next_code = codes.fold(ids.next_code, u64::max);
        }
        ids
    }

    pub fn of(&mut self, supplier: SupplierNo, codes_left: usize) -> SupplierIds<'_> {
        SupplierIds { ids: self, supplier, codes_left }
    }
}

impl IdSource for SupplierIds<'_> {
    fn next_number(&mut self, now: UnixMillis) -> u64 {
        self.ids.numbers[usize::from(self.supplier.get())].next(now)
    }

    fn next_code(&mut self) -> Option<(u64, VoucherCode)> {
        self.codes_left = self.codes_left.checked_sub(1)?;
        let number = self.ids.next_code;
        let code = VoucherCode::from_number(number).ok()?;
        self.ids.next_code += 1;
        Some((number, code))
    }
}
