//! Masked forms of personal data for logs and answers. Source: `docs/protocols/identity.md`,
//! "Masking and ciphertext".

/// First three characters, four asterisks, last four: `175****4139`. Anything shorter than a mobile's
/// eleven characters would show too much of itself and is masked whole.
#[must_use]
pub fn mask_mobile(mobile: &str) -> String {
    let length = mobile.chars().count();
    if length < 11 {
        return "*".repeat(length);
    }
    let (head, _, tail) = split(mobile, 3, 4);
    format!("{head}****{tail}")
}

/// First three and last two characters: `110*************2X`. Fewer than eight characters are masked
/// whole.
#[must_use]
pub fn mask_document(document: &str) -> String {
    let length = document.chars().count();
    if length < 8 {
        return "*".repeat(length);
    }
    let (head, hidden, tail) = split(document, 3, 2);
    format!("{head}{}{tail}", "*".repeat(hidden))
}

/// First character: `张**`. A name of one character is masked whole.
#[must_use]
pub fn mask_name(name: &str) -> String {
    let length = name.chars().count();
    if length < 2 {
        return "*".repeat(length);
    }
    let (head, hidden, _) = split(name, 1, 0);
    format!("{head}{}", "*".repeat(hidden))
}

/// The first `head` characters, how many follow, and the last `tail`, which do not overlap.
fn split(text: &str, head: usize, tail: usize) -> (String, usize, String) {
    let length = text.chars().count();
    let hidden = length.saturating_sub(head + tail);
    let front = text.chars().take(head).collect();
    (front, hidden, text.chars().skip(head + hidden).take(tail).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_the_agreed_ends() {
        let check = |masked: String, expected: &str| assert_eq!(masked, expected);
        check(mask_mobile("17512344139"), "175****4139");
        check(mask_mobile("+8617512344139"), "+86****4139");
        check(mask_mobile("1751234413"), "**********");
        check(mask_mobile(""), "");
        check(mask_document("11010519491231002X"), "110*************2X");
        check(mask_document("E1234567"), "E12***67");
        check(mask_document("E123456"), "*******");
        check(mask_name("张三丰"), "张**");
        check(mask_name("张"), "*");
        check(mask_name(""), "");
    }
}
