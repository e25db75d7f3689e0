use pinocchio::error::ProgramError;

/// Every refusal has a number of its own; `chain/client/errors.ts` gives each its name and advice. Numbers are never reused.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum Error {
    UnknownInstruction = 6000,
    MalformedInstruction,
    WrongAccountCount,
    MissingSignature,
    NotWritable,
    WrongProgram,
    WrongSysvar,
    WrongOwner,
    WrongKind,
    WrongAddress,
    AlreadyExists,
    WrongMarket,
    WrongMint,
    WrongTokenAccount,
    WrongProvider,
    WrongLease,
    WrongAuthority,
    DuplicateAccount,
    ParameterOutOfRange,
    AmountOutOfRange,
    BelowMinimumStake,
    InsufficientStake,
    TermsChanged,
    VoucherMissing,
    VoucherMalformed,
    VoucherForeign,
    VoucherWrongKey,
    VoucherStale,
    VoucherAboveDeposit,
    VoucherNotFinal,
    LeaseEnded,
    LeaseNotEnded,
    AlreadyCancelled,
    AlreadyCompleted,
    CoolingDown,
    NothingToWithdraw,
    ProviderBusy,
    ClockUnavailable,
    LeaseVoid,
    ReceiptMissing,
    ReceiptMalformed,
    ReceiptForeign,
    ReceiptTooOld,
    OpeningMalformed,
    OpeningOutOfRange,
    OpeningPathMismatch,
    OpeningIncomplete,
    EntryIsRight,
    AlreadySlashed,
    ProviderStillRegistered,
    DemandOpen,
    NotDemanded,
    AnswerNotOverdue,
    LeaseDemanded,
    ReceiptExpired,
}

impl From<Error> for ProgramError {
    fn from(error: Error) -> Self {
        ProgramError::Custom(error as u32)
    }
}
