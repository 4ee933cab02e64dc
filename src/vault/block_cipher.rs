//! AES-256 as the vault's modes use it: a few blocks at a time, many times a second.
//!
//! The current `aes` spreads its round keys over 512-bit registers again for every call where the machine
//! has VAES, which pays for long messages and costs five times the encryption for a single block. Codes
//! take ten rounds of a block and an order's details a dozen, so both go through the line before it, which
//! uses AES-NI alone. Only that is adapted here; no cipher is built. Figures: `docs/performance.md`.

use std::sync::Arc;

use aes::cipher::array::Array;
use aes::cipher::consts::{U8, U16, U32};
use aes::cipher::inout::InOut;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, Key, KeyInit,
    KeySizeUser, ParBlocksSizeUser,
};
use aes_ni::Block;
use aes_ni::cipher::{BlockEncrypt as _, KeyInit as _};

use super::key::KEY_LEN;

/// AES-256 in the direction of encryption, which is all that FF1 and GCM-SIV need. Cheap to clone. The
/// round keys are wiped with the last clone.
#[derive(Clone)]
pub(super) struct Aes256Encrypt(Arc<aes_ni::Aes256Enc>);

impl Aes256Encrypt {
    pub(super) fn of(key: &[u8; KEY_LEN]) -> Self {
        Self(Arc::new(aes_ni::Aes256Enc::new(&(*key).into())))
    }

    /// Encrypts blocks that have nothing to do with each other, eight at a time.
    #[inline]
    pub(super) fn encrypt_each<const N: usize>(&self, blocks: &mut [[u8; 16]; N]) {
        let mut work: [Block; N] = blocks.map(Block::from);
        self.0.encrypt_blocks(&mut work);
        *blocks = work.map(Into::into);
    }
}

impl KeySizeUser for Aes256Encrypt {
    type KeySize = U32;
}

impl BlockSizeUser for Aes256Encrypt {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for Aes256Encrypt {
    type ParBlocksSize = U8;
}

impl KeyInit for Aes256Encrypt {
    fn new(key: &Key<Self>) -> Self {
        Self(Arc::new(aes_ni::Aes256Enc::new(&key.0.into())))
    }
}

impl BlockCipherEncrypt for Aes256Encrypt {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        f.call(self);
    }
}

impl BlockCipherEncBackend for Aes256Encrypt {
    #[inline]
    fn encrypt_block(&self, mut block: InOut<'_, '_, Array<u8, U16>>) {
        let mut work = Block::from(block.clone_in().0);
        self.0.encrypt_block(&mut work);
        block.get_out().0 = work.into();
    }

    #[inline]
    fn encrypt_par_blocks(&self, mut blocks: InOut<'_, '_, Array<Array<u8, U16>, U8>>) {
        let mut work: [Block; 8] = blocks.clone_in().0.map(|block| block.0.into());
        self.0.encrypt_blocks(&mut work);
        for (out, block) in blocks.get_out().iter_mut().zip(work) {
            out.0 = block.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// FIPS 197, appendix C.3.
    #[test]
    fn the_standards_example_holds() {
        let key: [u8; 32] = std::array::from_fn(|index| index as u8);
        let mut block = Array(std::array::from_fn(|index| (index as u8) * 0x11));
        BlockCipherEncrypt::encrypt_block(&Aes256Encrypt::new(&key.into()), &mut block);
        assert_eq!(hex::encode(block.0), "8ea2b7ca516745bfeafc49904b496089");
    }

    proptest! {
        #[test]
        fn any_number_of_blocks_is_as_the_current_line_has_it(
            key in any::<[u8; 32]>(),
            blocks in proptest::collection::vec(any::<[u8; 16]>(), 0..40),
        ) {
            let mut ours: Vec<Array<u8, U16>> = blocks.into_iter().map(Array).collect();
            let mut theirs = ours.clone();
            Aes256Encrypt::new(&key.into()).encrypt_blocks(&mut ours);
            aes::Aes256::new(&key.into()).encrypt_blocks(&mut theirs);
            prop_assert_eq!(ours, theirs);
        }
    }
}
