//! What may be shown of a person's data: enough for its owner to recognise it, too little for
//! anybody else. Values too short to hide anything are hidden whole.
//! Source: docs/protocols/identity.md, "Masking".

/// Stands for whatever was left out, so that the length is not told either.
const HIDDEN: &str = "****";

/// A mobile by its first three and last four characters: `175****4139`.
#[must_use]
pub fn mask_mobile(mobile: &str) -> String {
    ends(mobile, 3, 4, 11)
}

/// A document number by its first three and last two characters: `110****2X`.
#[must_use]
pub fn mask_document(number: &str) -> String {
    ends(number, 3, 2, 8)
}

/// A name by its first character: `张**`. A name of one character is hidden.
#[must_use]
pub fn mask_name(name: &str) -> String {
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(_)) => format!("{first}**"),
        _ => "**".to_owned(),
    }
}

/// The first `head` and last `tail` characters of a text of at least `chars_min`.
fn ends(text: &str, head: usize, tail: usize, chars_min: usize) -> String {
    let length = text.chars().count();
    if length < chars_min {
        return HIDDEN.to_owned();
    }
    let mut masked: String = text.chars().take(head).collect();
    masked.push_str(HIDDEN);
    masked.extend(text.chars().skip(length - tail));
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ends_are_shown() {
        assert_eq!(mask_mobile("17512344139"), "175****4139");
        assert_eq!(mask_mobile("+8617512344139"), "+86****4139");
        assert_eq!(mask_mobile("1751234413"), "****");
        assert_eq!(mask_document("11010519491231002X"), "110****2X");
        assert_eq!(mask_document("E1234567"), "E12****67");
        assert_eq!(mask_document("1234567"), "****");
        assert_eq!(mask_name("张三丰"), "张**");
        assert_eq!(mask_name("张"), "**");
        assert_eq!(mask_name(""), "**");
    }
}
