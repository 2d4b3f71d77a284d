//! Large payloads on Linux: from socket to socket through a pipe, so that their bytes are never copied (splice(2)). The
//! pipe is the thread's, and empty between two calls.

use std::io;
use tokio::net::TcpStream;

/// Bytes of a payload from which on a pipe is cheaper than reading and writing; half a message of 64 KiB.
#[cfg(target_os = "linux")]
pub(crate) const WORTH: u64 = 32 * 1024;
/// Elsewhere there is no such call.
#[cfg(not(target_os = "linux"))]
pub(crate) const WORTH: u64 = u64::MAX;

/// What was moved.
pub(crate) struct Passed {
    /// Bytes that came; 0 at the end.
    pub bytes: u64,
    /// Those of them that the other side does not take now.
    pub rest: Vec<u8>,
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{pass, write};

#[cfg(target_os = "linux")]
mod linux {
    use super::{Passed, TcpStream, io};
    use rustix::net::{SendFlags, send};
    use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
    use std::cell::RefCell;
    use std::os::fd::OwnedFd;
    use tokio::io::Interest;

    /// Bytes that are moved at once, and so the most that are kept for a side that is slow.
    const MOST: usize = 128 * 1024;
    /// What is asked for the pipe: it holds a number of pages, and a packet from the network fills a part of one (pipe(7)).
    const PIPE: usize = 4 * MOST;

    struct Pipe {
        out: OwnedFd,
        into: OwnedFd,
    }

    thread_local! {
        static SHARED: RefCell<Option<Pipe>> = const { RefCell::new(None) };
    }

    impl Pipe {
        fn new() -> io::Result<Pipe> {
            let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            // Where that is refused it holds 64 KiB.
            let _ = fcntl_setpipe_size(&into, PIPE);
            Ok(Pipe { out, into })
        }

        fn pass(&self, from: &TcpStream, to: &TcpStream, most: usize) -> io::Result<Passed> {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            let bytes =
                from.try_io(Interest::READABLE, || Ok(splice(from, None, &self.into, None, most, flags)?))?;
            let mut left = bytes;
            // Whatever goes wrong here, a write of the rest will say it again.
            while left > 0
                && let Ok(went) =
                    to.try_io(Interest::WRITABLE, || Ok(splice(&self.out, None, to, None, left, flags)?))
                && went > 0
            {
                left -= went;
            }
            let mut rest = vec![0; left];
            let mut at = 0;
            while at < left {
                at += rustix::io::read(&self.out, &mut rest[at..])?;
            }
            Ok(Passed { bytes: bytes as u64, rest })
        }
    }

    /// Moves at most so many bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has come. After any other one nothing was moved, and it may be that reading works.
    pub(crate) fn pass(from: &TcpStream, to: &TcpStream, most: u64) -> io::Result<Passed> {
        SHARED.with_borrow_mut(|shared| {
            let pipe = match shared.take() {
                Some(pipe) => pipe,
                None => Pipe::new()?,
            };
            let passed = pipe.pass(from, to, usize::try_from(most).unwrap_or(MOST).min(MOST));
            // One in which something might be left is not used for another connection.
            if passed.as_ref().err().is_none_or(|error| error.kind() == io::ErrorKind::WouldBlock) {
                *shared = Some(pipe);
            }
            passed
        })
    }

    /// Writes what the socket takes at once. With `more` the system may wait for what follows, to fill a packet.
    pub(crate) fn write(to: &TcpStream, bytes: &[u8], more: bool) -> io::Result<usize> {
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        to.try_io(Interest::WRITABLE, || Ok(send(to, bytes, flags)?))
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pass(_: &TcpStream, _: &TcpStream, _: u64) -> io::Result<Passed> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn write(to: &TcpStream, bytes: &[u8], _: bool) -> io::Result<usize> {
    to.try_write(bytes)
}
