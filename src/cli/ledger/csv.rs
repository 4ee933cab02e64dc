//! Rows of comma-separated values as RFC 4180 has them: CR LF, quotes where needed.

/// Appends a row.
pub(super) fn push_row(out: &mut String, cells: &[&str]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_has_them() {
        let mut out = String::new();
        push_row(&mut out, &["a", "", "1,5", "say \"hi\"", "云山", "two\nlines"]);
        assert_eq!(out, "a,,\"1,5\",\"say \"\"hi\"\"\",云山,\"two\nlines\"\r\n");
    }
}
