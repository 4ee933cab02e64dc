//! Where an HTTP/1.1 answer ends, what its status is and which bytes are its body.
//!
//! Only what servers of the partners' interfaces send: a length or chunks, no trailers that matter.

use std::ops::Range;

/// Headers of an answer at most.
const HEADERS_MAX: usize = 64;
/// Bytes of an answer at most.
pub(super) const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One whole answer at the beginning of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// Where the body is; chunks have been moved together.
    pub(super) body: Range<usize>,
    /// Bytes of the answer.
    pub(super) len: usize,
    /// Whether the server closes the connection after it.
    pub(super) closes: bool,
}

/// Why the bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads the answer at the beginning of `bytes`; `None` while some of it has not come.
pub(super) fn read(bytes: &mut [u8]) -> Result<Option<Answer>, Unreadable> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let head_len = match head.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() < ANSWER_BYTES_MAX => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Unreadable),
    };
    let status = head.code.ok_or(Unreadable)?;
    let mut closes = head.version == Some(0);
    let (mut length, mut chunked) = (None, false);
    for header in head.headers.iter() {
        let value = header.value.trim_ascii();
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(decimal(value).ok_or(Unreadable)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    if chunked {
        return Ok(join_chunks(bytes, head_len)?.map(|(body_len, len)| Answer {
            status,
            body: head_len..head_len + body_len,
            len,
            closes,
        }));
    }
    let length = match length {
        Some(length) => length,
        None if status == 204 || status == 304 => 0,
        // An answer that only the end of the connection ends is none that load can be measured with.
        None => return Err(Unreadable),
    };
    let len = head_len.checked_add(length).filter(|len| *len <= ANSWER_BYTES_MAX);
    let len = len.ok_or(Unreadable)?;
    Ok((bytes.len() >= len).then_some(Answer { status, body: head_len..len, len, closes }))
}

/// Moves the chunks from `start` together once all have come: length of the body, and of everything.
fn join_chunks(bytes: &mut [u8], start: usize) -> Result<Option<(usize, usize)>, Unreadable> {
    let mut chunks = Vec::new();
    let mut at = start;
    loop {
        match httparse::parse_chunk_size(&bytes[at..]).map_err(|_| Unreadable)? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete((size_len, size)) => {
                let size = usize::try_from(size).ok().filter(|size| *size <= ANSWER_BYTES_MAX);
                let begin = at + size_len;
                let end = begin + size.ok_or(Unreadable)?;
                // The chunk and its line end; the last chunk's line end ends the trailers.
                if bytes.len() < end + 2 {
                    return Ok(None);
                }
                if &bytes[end..end + 2] != b"\r\n" {
                    return Err(Unreadable);
                }
                at = end + 2;
                if begin == end {
                    break;
                }
                chunks.push(begin..end);
            }
        }
    }
    let mut body_end = start;
    for chunk in chunks {
        let len = chunk.len();
        bytes.copy_within(chunk, body_end);
        body_end += len;
    }
    Ok(Some((body_end - start, at)))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Option<(u16, &str, usize, bool)>, Unreadable>) {
        let mut bytes = text.as_bytes().to_vec();
        let found = read(&mut bytes);
        let body = |answer: &Answer| String::from_utf8(bytes[answer.body.clone()].to_vec());
        let found = found.map(|found| {
            found.map(|answer| {
                let body = body(&answer).unwrap();
                (answer.status, body, answer.len, answer.closes)
            })
        });
        let expected = expected.map(|expected| {
            expected.map(|(status, body, len, closes)| (status, body.to_owned(), len, closes))
        });
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn an_answer_ends_where_its_length_or_its_chunks_say() {
        let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        check(sized, Ok(Some((200, "{}", sized.len(), false))));
        check(&format!("{sized}HTTP"), Ok(Some((200, "{}", sized.len(), false))));
        let closing = "HTTP/1.1 503 No\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n";
        check(closing, Ok(Some((503, "", closing.len(), true))));
        let old = "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n";
        check(old, Ok(Some((200, "", old.len(), true))));
        let none = "HTTP/1.1 204 No Content\r\n\r\n";
        check(none, Ok(Some((204, "", none.len(), false))));
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                      2\r\n{\"\r\n3;x=1\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n";
        check(chunks, Ok(Some((200, "{\"a\":1}", chunks.len(), false))));
        for text in [sized, chunks] {
            for cut in 0..text.len() {
                check(&text[..cut], Ok(None));
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_told() {
        check("SSH-2.0\r\n\r\n", Err(Unreadable));
        check("HTTP/1.1 200 OK\r\n\r\n", Err(Unreadable));
        check("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", Err(Unreadable));
        check("HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n", Err(Unreadable));
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", Err(Unreadable));
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc", Err(Unreadable));
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n",
            Err(Unreadable),
        );
    }
}
