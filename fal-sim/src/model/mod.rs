//! FAL's models as they are published: their endpoints, inputs and prices. What they make is made by `fal-sim-relief`.

pub mod catalogue;
pub mod schema;
