//! The table of variables: name, default, what is expected, meaning. The seeds' names are kept.

mod keeping;
mod making;
mod serving;

use super::variable::Variable;

const ADDRESS: &str = "an address and port such as 127.0.0.1:3000";
const FOLDER: &str = "a folder";
const URL: &str = "an http:// or https:// URL without a user in it";
const COUNT: &str = "a whole number, 0 for no limit";

/// Every variable, in the order of the document.
pub fn variables() -> impl Iterator<Item = &'static Variable> {
    [serving::VARIABLES, keeping::VARIABLES, making::VARIABLES].into_iter().flatten()
}
