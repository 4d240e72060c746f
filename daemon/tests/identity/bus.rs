//! The whole way, on a private bus.
