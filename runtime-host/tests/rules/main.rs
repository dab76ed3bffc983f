//! The rules of `CONTRIBUTING.md` and `docs/architecture.md` that no compiler and no lint knows. The modules are marked as
//! tests so that their helpers fall under the lints' rules for tests.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod state;
