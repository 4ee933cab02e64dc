//! One keep-alive connection of the generator: sends one request at a time and reads its answer, never
//! waiting. What an answer means is not known here.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::response::{self, Answer};

/// Bytes read at once; answers are a few hundred.
const READ_BYTES: usize = 16 * 1024;

/// A connection that is made, or being made.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// The request, and how much of it has been written.
    pub(super) out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    filled: usize,
}

/// The connection is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Connection {
    /// Begins to connect; [`Self::connected`] says how it went once the socket can be written to.
    pub(super) fn begin(target: SocketAddr) -> Result<Self, Broken> {
        let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(|_| Broken)?;
        match connect(&socket, &target) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(_) => return Err(Broken),
        }
        let stream = TcpStream::from(socket);
        // Without it a request that follows an answer could wait for the answer's acknowledgement.
        let _ = stream.set_nodelay(true);
        Ok(Self {
            stream,
            out: Vec::with_capacity(2048),
            written: 0,
            input: vec![0; READ_BYTES],
            filled: 0,
        })
    }

    /// Whether connecting succeeded.
    pub(super) fn connected(&self) -> Result<(), Broken> {
        match socket_error(&self.stream) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken),
        }
    }

    /// Begins to write what is in `out`.
    pub(super) fn send(&mut self) -> Result<(), Broken> {
        self.written = 0;
        self.filled = 0;
        self.write()
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&mut self) -> Result<(), Broken> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(Broken),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        Ok(())
    }

    /// Reads what has come; the answer once it is whole.
    pub(super) fn read(&mut self) -> Result<Option<Answer>, Broken> {
        loop {
            if self.filled == self.input.len() {
                if self.filled > response::ANSWER_BYTES_MAX {
                    return Err(Broken);
                }
                self.input.resize(self.filled * 2, 0);
            }
            let room = self.input.len() - self.filled;
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => return Err(Broken),
                Ok(count) => {
                    self.filled += count;
                    // A short read has emptied the socket; the next bytes are an event of their own.
                    if count < room {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        if self.filled == 0 {
            return Ok(None);
        }
        match response::read(&mut self.input[..self.filled]) {
            // More than was asked for.
            Ok(Some(answer)) if answer.len < self.filled => Err(Broken),
            Ok(answer) => Ok(answer),
            Err(_) => Err(Broken),
        }
    }

    /// Body of the answer that [`Self::read`] gave last.
    pub(super) fn body(&self, answer: &Answer) -> &[u8] {
        &self.input[answer.body.clone()]
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
