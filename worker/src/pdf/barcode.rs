//! Barcodes as they are scanned at a gate: Aztec, one of the symbologies of IATA Resolution 792.
//!
//! **Barcodes are Aztec.** PDF417 is as good for scanners at the gate but three times as wide; a party of ten keeps
//! one square each beside its names. All barcodes of a page are one image, because printpdf orders several at
//! random, and a document's bytes must be the same each time they are made.

use rxing::aztec::AztecWriter;
use rxing::common::BitMatrix;
use rxing::{BarcodeFormat, Writer};

/// The side of one module in millimetres: Resolution 792 asks for no less than 0.33 on paper.
pub const MODULE_MM: f64 = 0.55;

/// The modules of a square Aztec symbol.
///
/// Aztec needs no quiet zone (ISO/IEC 24778), takes half the paper of PDF417 and a sixth of the time to make.
#[derive(Clone, Debug)]
pub struct Barcode(BitMatrix);

impl Barcode {
    /// Encodes a text of ASCII characters.
    pub fn aztec(text: &str) -> Result<Self, String> {
        AztecWriter
            .encode(text, &BarcodeFormat::AZTEC, 0, 0)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// How many modules wide and high it is.
    pub fn modules(&self) -> u32 {
        self.0.width()
    }

    /// Whether a module is black.
    pub fn is_black(&self, x: u32, y: u32) -> bool {
        self.0.get(x, y)
    }
}
