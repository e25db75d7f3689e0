//! What LLVM calls by itself. The platform's own tool chain brings these along; with Debian's compiler they are
//! routed to the runtime's memory system calls here. Nothing else of compiler-builtins is provided, so that code
//! that would need more (128-bit products, floating point) fails in the link step instead of being linked.
#![no_std]
#![feature(compiler_builtins)]
#![allow(internal_features)]
#![compiler_builtins]

extern "C" {
    fn sol_memcpy_(to: *mut u8, from: *const u8, length: u64);
    fn sol_memmove_(to: *mut u8, from: *const u8, length: u64);
    fn sol_memset_(to: *mut u8, byte: u8, length: u64);
    fn sol_memcmp_(left: *const u8, right: *const u8, length: u64, result: *mut i32);
}

#[no_mangle]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    sol_memcpy_(to, from, length as u64);
    to
}

#[no_mangle]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    sol_memmove_(to, from, length as u64);
    to
}

#[no_mangle]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    sol_memset_(to, byte as u8, length as u64);
    to
}

#[no_mangle]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut result = 0i32;
    sol_memcmp_(left, right, length as u64, &mut result);
    result
}

#[no_mangle]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut result = 0i32;
    sol_memcmp_(left, right, length as u64, &mut result);
    result
}
