//! Products beyond the demo's, small enough to be sold out by a test.

/// Three places a day without timespans, two places in each of three timespans, two adults through a
/// narrow gate, something off sale, and three things so dear that
/// enough of them exceed any amount of money.
pub(crate) const SMALL: &str = r#"
[[pool]]
id = "POOL-NARROW"
supplier = "01"
capacity = 2

[[product]]
id = "P-TINY"
supplier = "01"
name = "小场地票"
price = "10.00"
capacity = 3
first_day = 0
days = 60
order_min = 1
order_max = 100
hold_minutes = 30

[[product]]
id = "P-SPAN"
supplier = "01"
name = "小时段票"
price = "10.00"
capacity = 2
first_day = 0
days = 60
timespans = ["08:00-11:00", "11:00-14:00", "14:00-17:00"]
order_min = 1
order_max = 100

[[product]]
id = "P-NARROW"
supplier = "01"
name = "窄门票"
price = "10.00"
pool = "POOL-NARROW"
capacity = "unlimited"
first_day = 0
days = 60
order_min = 2
order_max = 100

[[product]]
id = "P-OFF"
supplier = "01"
name = "停售票"
on_sale = false
price = "10.00"
capacity = 10
first_day = 0
days = 60
order_min = 1
order_max = 5

[[product]]
id = "P-DEAR"
supplier = "01"
name = "天价票"
price = "10000000.00"
capacity = "unlimited"
first_day = 0
days = 60
order_min = 1
order_max = 4294967295

[[product]]
id = "P-DEAR-2"
supplier = "01"
name = "天价票"
price = "10000000.00"
capacity = "unlimited"
first_day = 0
days = 60
order_min = 1
order_max = 4294967295

[[product]]
id = "P-DEAR-3"
supplier = "01"
name = "天价票"
price = "10000000.00"
capacity = "unlimited"
first_day = 0
days = 60
order_min = 1
order_max = 4294967295
"#;

/// Douyin sells the demo's cards of three uses, too.
pub(crate) const CARDS: &str = r#"
[[douyin_sku]]
sku_id = "7000000000000000009"
product = "P-CARD"
"#;

/// The SKU in [`CARDS`].
pub(crate) const CARD_SKU: &str = "7000000000000000009";
