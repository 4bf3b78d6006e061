//! Byte formats that know trees but no packages: bytes in, recipe out.
