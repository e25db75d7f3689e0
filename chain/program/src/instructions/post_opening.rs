use crate::{
    account::{check_key, check_signer, load_mut, Reader},
    error::Error,
    proof::{climb, hash_leaf, place},
    state::{Dispute, CLIMBING, PROVEN},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Shows an entry: which one, the segment that holds it, and as much of its path as fits; the rest follows by `post_path`.
/// Can be repeated with another entry; the computation then starts anew.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, dispute] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(reporter)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    let mut reader = Reader::new(data);
    state.round = reader.u32()?;
    state.row = reader.u32()?;
    state.column = reader.u32()?;
    let place = place(state)?;
    let segment = reader.slice(place.segment_bytes)?;
    state.claimed = u16::from_le_bytes([segment[place.at], segment[place.at + 1]]);
    state.leaf = place.leaf;
    state.node = hash_leaf(segment);
    state.height = 0;
    state.sums = [0; 4];
    state.pairs = 0;
    state.stage = if climb(state, reader.rest(), place.depth)? { PROVEN } else { CLIMBING };
    Ok(())
}
