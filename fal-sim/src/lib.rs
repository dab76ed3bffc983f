//! A FAL.AI that runs here.
