//! What every sale needs beside its input.

use crate::clock::Clock;
use crate::config::Sales;
use crate::fare::Tariff;
use crate::offer::OfferSigner;
use crate::reference::ReferenceCache;

/// Time, policy, prices and the pen that signs offers: the same for every call of one request.
#[derive(Clone, Copy, Debug)]
pub struct Shop<'a> {
    /// Where the time comes from.
    pub clock: &'a Clock,
    /// The policy of the sale.
    pub sales: &'a Sales,
    /// What seats cost.
    pub tariff: &'a Tariff,
    /// Names and places.
    pub reference: &'a ReferenceCache,
    /// Makes and opens offers.
    pub signer: &'a OfferSigner,
}
