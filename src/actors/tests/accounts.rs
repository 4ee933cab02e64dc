//! What operators do to an account while it sells, and how it stands afterwards.

use super::*;
use crate::actors::BOOKING_MAX;
use crate::domain::account::{
    AccountKey, BalanceShort, BookMoney, BookingError, BookingKind, Holder, Standing,
};

fn booking(reference: &str, fen: i64) -> BookMoney {
    BookMoney {
        kind: if fen < 0 { BookingKind::Adjustment } else { BookingKind::TopUp },
        balance: Balance::Prepaid,
        amount: Fen::new(fen),
        reference: Some(RequestKey::new(reference).unwrap()),
    }
}

async fn prepaid(engine: &EngineHandle) -> Standing {
    engine.account(fixture::AGENT, purse()).await.unwrap().standing(Balance::Prepaid)
}

/// Money booked under a reference comes once: repeated at once, afterwards, and after a restart.
#[test]
fn a_reference_books_once_even_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let before = prepaid(&handle).await.recharged.get();
        let at_once: Vec<_> = (0..8).map(|_| handle.book(purse(), booking("B-1", 500))).collect();
        for booked in futures_util::future::join_all(at_once).await {
            assert!(matches!(booked, Ok(()) | Err(EngineError::Overloaded)), "{booked:?}");
        }
        handle.book(purse(), booking("B-1", 500)).await.unwrap();
        handle.book(purse(), booking("B-2", -200)).await.unwrap();
        assert_eq!(prepaid(&handle).await.recharged.get(), before + 300);
        let taken = Err(Rejection::Booking(BookingError::ReferenceTaken).into());
        assert_eq!(handle.book(purse(), booking("B-1", 501)).await, taken);
        drop(handle);
        engine.stop().await;

        let engine = start(dir.path()).await;
        let handle = engine.handle();
        handle.book(purse(), booking("B-1", 500)).await.unwrap();
        handle.book(purse(), booking("B-2", -200)).await.unwrap();
        assert_eq!(prepaid(&handle).await.recharged.get(), before + 300);
        engine.stop().await;
    });
}

/// A credit line is sold on to the last fen, and lowered no further than it is drawn.
#[test]
fn a_credit_line_is_sold_on() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let date = today().plus_days(31);
        let price = admitted(&child(date)).unwrap().total;
        let all = prepaid(&handle).await.amount().get();
        handle.book(purse(), booking("all of it", -all)).await.unwrap();
        let short = |needed, available| BalanceShort { needed, available };
        let refused = buy(&handle, &child(date), "too early").await;
        let why = Rejection::BalanceShort(short(price, Fen::ZERO));
        assert_eq!(refused, Err(why.into()));

        let credit = Fen::new(price.get() * 2 - 1);
        handle.set_credit(purse(), credit).await.unwrap();
        buy(&handle, &child(date), "on credit").await.unwrap();
        let left = Fen::new(price.get() - 1);
        let refused = buy(&handle, &child(date), "beyond it").await;
        assert_eq!(refused, Err(Rejection::BalanceShort(short(price, left)).into()));
        let view = handle.account(fixture::AGENT, purse()).await.unwrap();
        assert_eq!((view.credit, view.prepaid_available), (credit, left));
        assert_eq!(view.standing(Balance::Prepaid).amount(), price.negated());

        let drawn = Rejection::Booking(BookingError::Short(short(price, left)));
        let lower = Fen::new(credit.get() - price.get());
        assert_eq!(handle.set_credit(purse(), lower).await, Err(drawn.into()));
        handle.set_credit(purse(), price).await.unwrap();
        drop(handle);
        engine.stop().await;

        let engine = start(dir.path()).await;
        let view = engine.handle().account(fixture::AGENT, purse()).await.unwrap();
        assert_eq!((view.credit, view.prepaid_available), (price, Fen::ZERO));
        engine.stop().await;
    });
}

#[test]
fn nonsense_is_booked_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let out_of_range = || Err(Rejection::Booking(BookingError::OutOfRange).into());
        let house = AccountKey { holder: Holder::House, ..purse() };
        assert_eq!(handle.book(house, booking("h", 5)).await, out_of_range());
        assert_eq!(handle.set_credit(purse(), Fen::new(-1)).await, out_of_range());
        let too_much = BOOKING_MAX.get() + 1;
        let refused = Err(Rejection::TotalOutOfRange.into());
        assert_eq!(handle.book(purse(), booking("b", too_much)).await, refused);
        assert_eq!(handle.book(purse(), booking("b", -too_much)).await, refused);
        assert_eq!(handle.set_credit(purse(), Fen::new(too_much)).await, refused);
        let unknown = AccountKey { supplier: crate::types::SupplierNo::new(99), ..purse() };
        let nobody = Err(EngineError::Unavailable);
        assert_eq!(handle.account(fixture::AGENT, unknown).await.map(|_| ()), nobody);
        engine.stop().await;
    });
}
