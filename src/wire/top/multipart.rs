//! Text parts of a multipart body that has been read already.
//!
//! The parser is `multer`'s, which is written for streams; over a body in memory each of its steps
//! is finished at the first poll. Source: docs/protocols/top.md, "Request forms".

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream;

use super::request::{Limits, ParamsError, is_utf8_charset};

/// Hands each text part's name and value to `push`, in the order sent. Parts with a file name are
/// files: they are neither parameters nor signed.
pub(super) fn read(
    content_type: &str,
    body: &[u8],
    limits: &Limits,
    mut push: impl FnMut(String, String) -> Result<(), ParamsError>,
) -> Result<(), ParamsError> {
    let boundary =
        multer::parse_boundary(content_type).map_err(|_| ParamsError::MalformedMultipart)?;
    let whole = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(body))]);
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut count = 0;
    while let Some(part) = ready(parts.next_field())? {
        count += 1;
        if count > limits.params_max {
            return Err(ParamsError::TooMany { max: limits.params_max });
        }
        if part.file_name().is_some() {
            continue;
        }
        let charset = part.content_type().and_then(|kind| kind.get_param("charset"));
        if charset.is_some_and(|charset| !is_utf8_charset(charset.as_str())) {
            return Err(ParamsError::UnsupportedCharset);
        }
        let name = part.name().ok_or(ParamsError::MalformedMultipart)?.to_owned();
        let value = String::from(
            std::str::from_utf8(&ready(part.bytes())?).map_err(|_| ParamsError::NotUtf8)?,
        );
        push(name, value)?;
    }
    Ok(())
}

/// The outcome of a step that has all its bytes; one that still waits is missing some.
fn ready<T>(step: impl Future<Output = multer::Result<T>>) -> Result<T, ParamsError> {
    match step.now_or_never() {
        Some(Ok(outcome)) => Ok(outcome),
        Some(Err(_)) | None => Err(ParamsError::MalformedMultipart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, ParamsError> {
        let mut pairs = Vec::new();
        let limits = Limits { params_max: 3, ..Limits::default() };
        read(content_type, body, &limits, |name, value| {
            pairs.push((name, value));
            Ok(())
        })?;
        Ok(pairs)
    }

    #[test]
    fn text_parts_are_parameters_and_files_are_not() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
            --b\r\nContent-Disposition:form-data;name=\"f\";filename=\"x.png\"\r\n\
            Content-Type:image/png\r\n\r\n\u{fffd}\r\n\
            --b\r\nContent-Disposition:form-data;name=\"票\"\r\n\
            Content-Type:text/plain;charset=UTF-8\r\n\r\n\r\n--b--\r\n";
        let expected = [("a".to_owned(), "1".to_owned()), ("票".to_owned(), String::new())];
        assert_eq!(
            parts("multipart/form-data; boundary=b", body.as_bytes()),
            Ok(expected.to_vec())
        );
        assert_eq!(
            parts("multipart/form-data; boundary=\"b\";charset=UTF-8", body.as_bytes()),
            Ok(expected.to_vec())
        );
    }

    #[test]
    fn each_fault_is_named() {
        use ParamsError::{MalformedMultipart, NotUtf8, TooMany, UnsupportedCharset};
        let check = |body: &[u8], expected: ParamsError| {
            assert_eq!(parts("multipart/form-data; boundary=b", body), Err(expected));
        };
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        check(b"", MalformedMultipart);
        check(b"a=1", MalformedMultipart);
        check(part.as_bytes(), MalformedMultipart);
        check(&part.as_bytes()[..part.len() - 3], MalformedMultipart);
        check(b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n", MalformedMultipart);
        check(part.repeat(4).as_bytes(), TooMany { max: 3 });
        let file = part.replace("name=\"a\"", "name=\"a\"; filename=\"f\"");
        check(file.repeat(4).as_bytes(), TooMany { max: 3 });
        let gbk = part.replace("\r\n\r\n", "\r\nContent-Type: text/plain; charset=GBK\r\n\r\n");
        check(gbk.as_bytes(), UnsupportedCharset);
        let mut bytes = part.as_bytes().to_vec();
        let at = bytes.len() - 3;
        bytes[at] = 0xff;
        bytes.extend(b"--b--\r\n");
        check(&bytes, NotUtf8);
    }
}
