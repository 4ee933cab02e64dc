//! Request types of the vendor endpoints. Source: docs/protocols/douyin.md, "TicketCode/Get".

use crate::wire::codec::{Text, wire_record};

/// XML namespace of Douyin's types, requests and results alike.
pub const DOUYIN_NAMESPACE: &str = concat!(
    "http://schemas.datacontract.org/2004/07/",
    "DigitalScience.DataTransfer.Tour.V5.Parm.Douyin"
);

wire_record! {
    /// The product of a request for codes.
    pub struct SkuParm<'a> in DOUYIN_NAMESPACE {
        /// Its name.
        sku_name: Text<'a>,
        /// Douyin's id.
        sku_id: Text<'a>,
        /// Our id.
        third_sku_id: Text<'a>,
    }
}

wire_record! {
    /// A traveller. Each text may be ciphertext; docs/protocols/douyin.md, "Encrypted fields".
    pub struct TouristsParm<'a> in DOUYIN_NAMESPACE {
        /// Name.
        name: Text<'a>,
        /// Mobile.
        phone: Text<'a>,
        /// Document number.
        id_card: Text<'a>,
    }
}

wire_record! {
    /// Douyin asks us for voucher codes. No member is required.
    pub struct GetTicketCodeDouyinParm<'a> in DOUYIN_NAMESPACE {
        /// Douyin's order number: the request key.
        order_id: Text<'a>,
        /// Our order number, if the pre-order answered with one.
        third_order_id: Text<'a>,
        /// Codes to issue.
        count: i32,
        /// Start of validity, Unix seconds.
        start_time: i64,
        /// End of validity, Unix seconds.
        expire_time: i64,
        /// Douyin's product id; the one in `sku` goes first.
        sku_id: Text<'a>,
        /// Our product id; the one in `sku` goes first.
        third_sku_id: Text<'a>,
        /// The product.
        sku: Option<SkuParm<'a>>,
        /// The buyer's open id.
        open_id: Text<'a>,
        /// The travellers.
        tourists: Option<Vec<TouristsParm<'a>>>,
    }
}

impl GetTicketCodeDouyinParm<'_> {
    /// Douyin's product id: from `sku` unless it is blank there.
    #[must_use]
    pub fn effective_sku_id(&self) -> Option<&str> {
        let preferred = self.sku.as_ref().and_then(|sku| filled(&sku.sku_id));
        preferred.or_else(|| filled(&self.sku_id))
    }

    /// Our product id: from `sku` unless it is blank there.
    #[must_use]
    pub fn effective_third_sku_id(&self) -> Option<&str> {
        let preferred = self.sku.as_ref().and_then(|sku| filled(&sku.third_sku_id));
        preferred.or_else(|| filled(&self.third_sku_id))
    }
}

fn filled<'t>(text: &'t Text<'_>) -> Option<&'t str> {
    text.as_deref().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_in_sku_goes_first() {
        let check = |flat: Option<&'static str>, nested: Option<Option<&'static str>>, expected| {
            let parm = GetTicketCodeDouyinParm {
                sku_id: flat.map(Into::into),
                third_sku_id: flat.map(Into::into),
                sku: nested.map(|id| SkuParm {
                    sku_id: id.map(Into::into),
                    third_sku_id: id.map(Into::into),
                    ..SkuParm::default()
                }),
                ..GetTicketCodeDouyinParm::default()
            };
            assert_eq!(parm.effective_sku_id(), expected);
            assert_eq!(parm.effective_third_sku_id(), expected);
        };
        check(Some("flat"), Some(Some("nested")), Some("nested"));
        check(Some("flat"), Some(Some(" ")), Some("flat"));
        check(Some("flat"), Some(None), Some("flat"));
        check(Some("flat"), None, Some("flat"));
        check(Some(""), None, None);
        check(None, None, None);
    }
}
