//! Random nonces without a system call each.

use std::cell::RefCell;

/// Length of a nonce in bytes (RFC 8452).
pub(super) const NONCE_LEN: usize = 12;
/// Nonces fetched at once: 3 KiB of random bytes a thread, one system call per 256 seals.
const NONCES_PER_REFILL: usize = 256;
const POOL_LEN: usize = NONCE_LEN * NONCES_PER_REFILL;

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoRandomness;

/// 96 fresh bits from the system's generator. Nonces are public, so the pool holds no secret.
pub(super) fn nonce() -> Result<[u8; NONCE_LEN], NoRandomness> {
    POOL.with_borrow_mut(NoncePool::next)
}

struct NoncePool {
    bytes: [u8; POOL_LEN],
    used: usize,
}

thread_local! {
    static POOL: RefCell<NoncePool> =
        const { RefCell::new(NoncePool { bytes: [0; POOL_LEN], used: POOL_LEN }) };
}

impl NoncePool {
    fn next(&mut self) -> Result<[u8; NONCE_LEN], NoRandomness> {
        if self.used == POOL_LEN {
            // `used` moves only after a whole refill, so a failed one never leads to a stale nonce.
            getrandom::fill(&mut self.bytes).map_err(|_| NoRandomness)?;
            self.used = 0;
        }
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&self.bytes[self.used..self.used + NONCE_LEN]);
        self.used += NONCE_LEN;
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces_do_not_repeat_across_refills_and_threads() {
        let per_thread = 3 * NONCES_PER_REFILL + 1;
        let mut seen = HashSet::new();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                std::thread::spawn(move || {
                    (0..per_thread).map(|_| nonce().unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        for thread in threads {
            seen.extend(thread.join().unwrap());
        }
        assert_eq!(seen.len(), 3 * per_thread);
    }
}
