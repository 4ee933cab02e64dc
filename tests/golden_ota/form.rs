//! Form bodies as the framework's model binder reads them.

use piaoku::wire::codec::Decoded;
use piaoku::wire::ota::{OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm};

use crate::{FORM, OCCURRED, model, read, told};

#[test]
fn forms_are_read_in_both_spellings() {
    let check = |body: &str| {
        let decoded: Decoded<OrderAndPayWithPassword2Parm<'_>> = read(FORM, body);
        assert!(decoded.state.is_valid(), "{body}: {:?}", decoded.state);
        let model = decoded.model.unwrap();
        let info = model.orderinfo.unwrap();
        assert_eq!(info.mobile.as_deref(), Some("138 张"), "{body}");
        assert_eq!(info.senderid, None, "a blank value is null: {body}");
        let lines = info.orderdetails.unwrap();
        assert_eq!(lines.len(), 2, "{body}");
        assert_eq!((lines[0].productid.as_deref(), lines[1].amount), (Some("A"), 3), "{body}");
        assert_eq!(lines[1].seatitems.as_ref().unwrap()[0].seatid.as_deref(), Some("s"), "{body}");
        assert_eq!(lines[0].seatitems, None, "{body}");
        assert_eq!(model.payinfo.unwrap().orderid.as_deref(), Some("1"), "{body}");
    };
    check(
        "orderinfo[mobile]=138+%E5%BC%A0&orderinfo[senderid]=+&orderinfo[effectdate]=20261121\
         &orderinfo[orderdetails][0][productid]=A&orderinfo[orderdetails][1][productid]=B\
         &orderinfo[orderdetails][1][amount]=3&orderinfo[orderdetails][1][seatitems][0][seatid]=s\
         &payinfo[orderid]=1&payinfo[orderid]=2&payinfo[paypassword]=p",
    );
    check(
        "OrderInfo.Mobile=138+%E5%BC%A0&orderinfo.senderid=&orderinfo.effectdate=20261121\
         &orderinfo.orderdetails[0].productid=A&orderinfo.orderdetails[1].productid=B\
         &orderinfo.orderdetails[1].amount=3&orderinfo.orderdetails[1].seatitems[0].seatid=s\
         &payinfo.orderid=1&payinfo.paypassword=p&orderinfo-x=1&other=2",
    );
}

#[test]
fn what_a_form_gets_wrong_is_an_entry() {
    let line: Decoded<OrderAddItemParm<'_>> = read(FORM, "productid=A&amount=two");
    let entry = ("parm.amount", vec!["The value 'two' is not valid for amount."]);
    assert_eq!(told(&line.state), [entry]);
    for body in ["orderinfo[mobile=1".to_owned(), "a=1&".repeat(1001)] {
        let decoded: Decoded<OrderAddParm<'_>> = read(FORM, &body);
        assert_eq!(decoded.model, None);
        assert_eq!(told(&decoded.state), [("parm", vec![OCCURRED])]);
    }
    // A gap ends a list, as the framework's binder has it.
    let gap: OrderAddParm<'_> =
        model(FORM, "orderdetails[0][productid]=A&orderdetails[2][productid]=C");
    assert_eq!(gap.orderdetails.unwrap().len(), 1);
}
