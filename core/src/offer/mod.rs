//! stub
/// Offer.
#[derive(Debug)]
pub struct Offer;
