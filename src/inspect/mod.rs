//! Reading finished artifacts: which format it is, what is in it, what differs.
