//! What each image was billed: the proof that a client paid for none of them twice. Made of the requests that are
//! remembered, so bounded as they are.

use crate::{
    report::{RequestReport, requests},
    sim::Sim,
};
use serde::Serialize;
use std::collections::HashMap;

/// All that was accepted for one image.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Bill {
    /// SHA-256 in hex of the image; none where it was never seen (a URL that leads nowhere).
    pub image_sha256: Option<String>,
    /// The URL of the first request, which stands for the image where there is no hash.
    pub image_url: Option<String>,
    /// Submits that were accepted for it.
    pub submits: u32,
    /// Those of them that cost something.
    pub billed: u32,
    /// Credits charged for it.
    pub billed_units: u32,
    /// Ids of the requests, oldest first.
    pub requests: Vec<String>,
}

/// One bill an image, in the order of their first requests.
pub(crate) fn bills(sim: &Sim) -> Vec<Bill> {
    let (mut bills, mut known) = (Vec::new(), HashMap::new());
    for request in requests(sim) {
        let subject = request.image_sha256.clone().or_else(|| request.image_url.clone());
        let index = *known.entry(subject).or_insert_with(|| {
            bills.push(Bill::new(&request));
            bills.len() - 1
        });
        if let Some(bill) = bills.get_mut(index) {
            bill.add(request);
        }
    }
    bills
}

impl Bill {
    fn new(request: &RequestReport) -> Self {
        let (image_sha256, image_url) = (request.image_sha256.clone(), request.image_url.clone());
        Self { image_sha256, image_url, submits: 0, billed: 0, billed_units: 0, requests: Vec::new() }
    }

    fn add(&mut self, request: RequestReport) {
        self.submits += 1;
        self.billed += u32::from(request.billed_units > 0);
        self.billed_units += request.billed_units;
        self.requests.push(request.request_id);
    }
}
