//! End to end: the built product with real parts, through its front door.
