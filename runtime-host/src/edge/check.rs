//! Does a built component fit its world in `wit/worlds`?
