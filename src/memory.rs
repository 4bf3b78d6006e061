//! Memory that one phase of the work is done with, for the next.
//!
//! The system's allocator keeps what was freed between things that stay. With a hundred thousand
//! files that is more than what is in use, and the next phase asks for other sizes.

/// Gives what was freed back to the system, where the allocator can: that of glibc.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::malloc_trim(0);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
mod glibc {
    use std::ffi::c_int;

    // SAFETY: malloc_trim(3) may be called at any time from any thread; it touches only what is free.
    unsafe extern "C" {
        /// Leaves `pad` bytes at the top; whether anything was given back.
        pub(super) safe fn malloc_trim(pad: usize) -> c_int;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_in_use_stays() {
        let kept: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        drop((0..10_000).map(|n| vec![n; 100]).collect::<Vec<_>>());
        super::give_back();
        assert!(kept.iter().enumerate().all(|(n, text)| *text == n.to_string()));
    }
}
