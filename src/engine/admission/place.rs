//! Where the places of a line are: its area, and the seats if the buyer chose them. Whether they are
//! free is asked later.

use super::{Draft, DraftLine, ECHO_CHARS_MAX, SceneNaming, SeatChoice};
use crate::domain::catalogue::Product;
use crate::domain::seats::Seats;
use crate::engine::Rejection;
use crate::engine::occasion::is_closed;
use crate::types::{AreaNo, Quantity, SlotKey};

/// The area of a line, and the seats if the buyer chose them.
pub(super) fn area(
    draft: &Draft,
    line: &DraftLine,
    product: &Product,
    quantity: Quantity,
    slot: SlotKey,
) -> Result<(AreaNo, Seats), Rejection> {
    if !product.is_performance() {
        // A spot has no seats to choose; its callers may name some all the same.
        return Ok((AreaNo::NONE, Seats::new()));
    }
    if draft.scene.naming == SceneNaming::ByDay {
        // Seats of an area are named for all its tickets or for none; so for all of the product's.
        let same = |other: &&DraftLine| other.product_id.eq_ignore_ascii_case(&line.product_id);
        if draft.lines.iter().filter(same).any(|other| !other.seats.is_empty()) {
            return seats(&line.seats, product, quantity, None);
        }
        let open = product.areas.iter().find(|area| !is_closed(product, slot, Some(area)));
        let area = open.or(product.areas.first()).ok_or(Rejection::UnknownArea)?;
        return Ok((area.no, Seats::new()));
    }
    let named = match draft.scene.choice {
        SeatChoice::Ours => &[][..],
        SeatChoice::Buyers => &line.seats[..],
    };
    let wanted = &*draft.scene.area_id;
    let area = if wanted.is_empty() && !named.is_empty() {
        None
    } else {
        Some(product.area_by_id(wanted).ok_or(Rejection::UnknownArea)?)
    };
    if let Some(area) = area.filter(|area| area.seats.is_none()) {
        if !named.is_empty() {
            return Err(Rejection::SeatChoiceUnsupported);
        }
        return Ok((area.no, Seats::new()));
    }
    if draft.scene.choice == SeatChoice::Ours {
        return area.map(|area| (area.no, Seats::new())).ok_or(Rejection::UnknownArea);
    }
    seats(named, product, quantity, area.map(|area| area.no))
}

/// The seats a buyer names for a line, and their area, which must be `within` if that is known.
fn seats(
    named: &[String],
    product: &Product,
    quantity: Quantity,
    mut within: Option<AreaNo>,
) -> Result<(AreaNo, Seats), Rejection> {
    let (named_count, tickets) = (named.len() as u64, u64::from(quantity.get()));
    if named_count != tickets {
        return Err(Rejection::SeatCount { named: named_count, tickets });
    }
    let mut seats = Seats::new();
    for id in named {
        let unknown = || Rejection::UnknownSeat { id: id.chars().take(ECHO_CHARS_MAX).collect() };
        let (area, seat) = product.seat_by_id(id).ok_or_else(unknown)?;
        if *within.get_or_insert(area.no) != area.no {
            return Err(Rejection::SeatsElsewhere);
        }
        seats.push(seat);
    }
    Ok((within.unwrap_or(AreaNo::NONE), seats))
}
