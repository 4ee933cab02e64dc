//! What replay leaves is what a shell can go on with.

use super::*;
use crate::domain::inventory::{PlaceHold, SlotError, Take};
use crate::engine::admission::{DraftDate, DraftScene};
use crate::engine::fixture::{Ledger, catalogue, draft, line, slot, today};
use crate::types::AreaNo;

#[test]
fn a_replayed_slot_also_offers_the_areas_nothing_was_sold_in() {
    let scene_id = format!("SC-{}-1930", today().to_compact());
    let mut show = draft(vec![line("P-SHOW", 1)]);
    show.date = DraftDate::Missing;
    show.scene = DraftScene { scene_id, area_id: "A".to_owned(), ..DraftScene::default() };
    let mut ledger = Ledger::new();
    ledger.place("show", &show);
    let digest = ledger.state.digest();

    let key = slot("P-SHOW", Some(today()), 1);
    let mut replayed = ledger.state.slots[&key].value.clone();
    set_capacity(&mut replayed, key, &catalogue());
    let ask = |area: u8, quantity: u32| {
        let take = Take::any(AreaNo::new(area), Quantity::new(quantity));
        let takes = smallvec::smallvec![take];
        replayed.decide(&PlaceHold { takes, ..PlaceHold::default() })
    };
    assert_eq!(ask(1, 3), Ok(()));
    assert_eq!(ask(2, 6), Ok(()), "area B has its six places");
    assert_eq!(ask(3, 1), Err(SlotError::UnknownArea(AreaNo::new(3))));
    ledger.state.slots.get_mut(&key).unwrap().value = replayed;
    assert_eq!(ledger.state.digest(), digest, "INV-6: what is on offer is not what happened");
}
