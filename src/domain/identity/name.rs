//! Names of buyers and visitors. Whether a name is plausible is not asked: it has a length, and
//! nothing that would break a line or a terminal. Source: docs/protocols/identity.md, "Names".

/// Why a name was refused, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("a name is empty")]
    Empty,
    /// More characters than the interface allows.
    #[error("a name has {length} characters, {max} are allowed")]
    TooLong {
        /// Characters it has.
        length: usize,
        /// Characters it may have.
        max: usize,
    },
    /// A control character, e.g. a line break or an escape sequence.
    #[error("a name has a control character at position {position}")]
    ControlCharacter {
        /// Characters before it.
        position: usize,
    },
}

/// Checks a name in clear, as it was sent; lengths are in characters, not bytes.
///
/// # Errors
/// The first [`NameError`] that fits.
pub fn check_name(name: &str, chars_max: usize) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Empty);
    }
    let length = name.chars().count();
    if length > chars_max {
        return Err(NameError::TooLong { length, max: chars_max });
    }
    match name.chars().position(char::is_control) {
        Some(position) => Err(NameError::ControlCharacter { position }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_in_characters() {
        let check = |name: &str, expected: Result<(), NameError>| {
            assert_eq!(check_name(name, 5), expected, "{name:?}");
        };
        check("张三", Ok(()));
        check("欧阳娜娜子", Ok(()));
        check("O'Ney", Ok(()));
        check("阿·买提", Ok(()));
        check("", Err(NameError::Empty));
        check("\u{3000} \t", Err(NameError::Empty));
        check("欧阳娜娜子子", Err(NameError::TooLong { length: 6, max: 5 }));
        check("张\n三", Err(NameError::ControlCharacter { position: 1 }));
        check("\u{1b}[31m", Err(NameError::ControlCharacter { position: 0 }));
        // Too long speaks before what the name is made of.
        check("张\n三张三张", Err(NameError::TooLong { length: 6, max: 5 }));
    }
}
