//! A shop with very many slots: suppliers with many products, each sold in timespans on many days.

use piaoku::actors::EngineHandle;
use piaoku::domain::catalogue::{CalendarException, CatalogueCommand, TimespanDef, Weekdays};
use piaoku::engine::admission::{Admitted, DraftTimespan};
use piaoku::types::{Fen, ProductNo, ServiceDate, SlotKey, Timespan};

use super::shop;

const SUPPLIERS: usize = 100;
/// Most products; more slots are more days.
const PRODUCTS_MAX: usize = 1000;
/// Timespans of a day, two hours each from eight in the morning.
const TIMESPANS: usize = 5;
/// Products that one record sets.
const PRODUCTS_A_RECORD: usize = 50;

/// Shape of a shop.
pub(crate) struct WideShop {
    products: usize,
    days: usize,
}

/// A slot by its parts.
struct Place {
    product: usize,
    day: ServiceDate,
    timespan: Timespan,
}

impl WideShop {
    /// A shop with so many slots, in multiples of its products and timespans.
    pub(crate) fn with_slots(slots: usize) -> Self {
        let products = PRODUCTS_MAX.min(slots / TIMESPANS / 10).max(1);
        Self { products, days: slots / TIMESPANS / products }
    }

    /// Opens it, with money at every supplier.
    pub(crate) async fn open(&self, handle: &EngineHandle) {
        let suppliers = (0..SUPPLIERS).map(|no| shop::supplier(&format!("S{no}")));
        let first = suppliers.chain([shop::agent()]).collect();
        handle.change_catalogue(first).await.expect("suppliers");
        let numbers: Vec<usize> = (0..self.products).collect();
        for numbers in numbers.chunks(PRODUCTS_A_RECORD) {
            let products = numbers.iter().map(|no| self.product(*no)).collect();
            handle.change_catalogue(products).await.expect("products");
        }
        for supplier in handle.catalogue().suppliers() {
            shop::top_up(handle, supplier.no).await;
        }
    }

    /// A product with its weekends dearer.
    fn product(&self, no: usize) -> CatalogueCommand {
        let first = shop::today().plus_days(1);
        let last = first.plus_days(i32::try_from(self.days).expect("days") - 1);
        let supplier = format!("S{}", no % SUPPLIERS);
        let mut product = shop::product(&format!("P{no}"), &supplier, (first, last));
        product.timespans = (0..TIMESPANS as u16)
            .map(|n| TimespanDef {
                no: Timespan::new(n as u8 + 1),
                start_minute: 480 + 120 * n,
                end_minute: 600 + 120 * n,
            })
            .collect();
        product.calendar.exceptions = vec![CalendarException {
            weekdays: Weekdays::from_bits(0b110_0000).expect("Saturday and Sunday"),
            price: Some(Fen::new(150)),
            ..CalendarException::on(first, last)
        }];
        CatalogueCommand::SetProduct(Box::new(product))
    }

    fn place(&self, n: usize) -> Place {
        let day = n / TIMESPANS % self.days;
        Place {
            product: n / TIMESPANS / self.days,
            day: shop::today().plus_days(1 + i32::try_from(day).expect("days")),
            timespan: Timespan::new((n % TIMESPANS) as u8 + 1),
        }
    }

    /// The `n`th slot.
    pub(crate) fn slot(&self, n: usize) -> SlotKey {
        let Place { product, day, timespan } = self.place(n);
        let product = ProductNo::new(u32::try_from(product).expect("products"));
        SlotKey { product, date: Some(day), timespan }
    }

    /// An order of so many tickets of the `n`th slot.
    pub(crate) fn admitted(&self, engine: &EngineHandle, n: usize, tickets: i64) -> Admitted {
        let Place { product, day, timespan } = self.place(n);
        let timespan = DraftTimespan::Exactly(timespan);
        shop::admit_line(engine, &format!("P{product}"), tickets, day, timespan)
    }
}
