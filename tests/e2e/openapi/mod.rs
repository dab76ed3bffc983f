//! The document beside the running product: every operation asked, every answer what the document says, and the document
//! itself taken apart by tools that others wrote.

mod answers;
mod asking;
mod contract;
mod events;
mod examples;
mod parameters;
mod prepared;
mod refused;
mod served;
mod tools;
