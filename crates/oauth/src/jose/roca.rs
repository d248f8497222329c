//! Keys made by the generator of CVE-2017-15361 ("ROCA"), whose private half can be computed.

/// Primes modulo which the residues of such moduli betray themselves.
const PRIMES: [u16; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Whether a modulus was made by that generator: modulo each prime it is a power of 65537. Fewer than one
/// other modulus in a hundred million is mistaken for one.
pub(super) fn is_weak(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| is_power(remainder(modulus, prime), prime))
}

fn remainder(modulus: &[u8], prime: u16) -> u16 {
    modulus.iter().fold(0, |rest, &byte| (rest * 256 + u16::from(byte)) % prime)
}

fn is_power(residue: u16, prime: u16) -> bool {
    let base = 65_537 % u32::from(prime);
    let mut power = 1;
    for _ in 0..prime {
        if power == u32::from(residue) {
            return true;
        }
        power = power * base % u32::from(prime);
    }
    false
}
