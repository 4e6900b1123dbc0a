//! Makes the bytes of a PDF depend on what it says alone, and says its language.
//!
//! printpdf writes random ids and the present time. Both have a fixed length, so they are replaced in place; the
//! language goes into a second version of the catalog that is appended (ISO 32000, 7.5.6 "Incremental updates").

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// The PDF with ids made from `identity`, the given date and the language English.
///
/// An error names what printpdf no longer writes the way this relies on.
pub fn stamp(mut pdf: Vec<u8>, identity: &str, date: DateTime<Utc>) -> Result<Vec<u8>, String> {
    let digest = Sha256::digest(identity.as_bytes());
    let id: String = digest
        .iter()
        .map(|byte| char::from(b'A' + (byte & 15)))
        .collect();
    let at = position_of_last(&pdf, b"/ID[(")?;
    overwrite(&mut pdf, at + 5, id.as_bytes())?;
    overwrite(&mut pdf, at + 5 + 32 + 2, id.as_bytes())?;

    let date = date.format("D:%Y%m%d%H%M%S+00'00'").to_string();
    for key in [b"/CreationDate(".as_slice(), b"/ModDate("] {
        let at = position_of_last(&pdf, key)?;
        overwrite(&mut pdf, at + key.len(), date.as_bytes())?;
    }
    // `null` is the default: barcodes stay crisp in readers that smooth.
    replace_all(&mut pdf, b"/Interpolate true", b"/Interpolate null");
    // Its authors did not use Illustrator.
    replace_all(
        &mut pdf,
        b"(Adobe Illustrator 14.0)",
        b"(Flightdesk)            ",
    );
    append_language(pdf)
}

fn append_language(mut pdf: Vec<u8>) -> Result<Vec<u8>, String> {
    let body = position_of_last(&pdf, b"<</Type/Catalog")?;
    let before = pdf[..body].trim_ascii_end();
    let head = before
        .strip_suffix(b"obj")
        .ok_or("the catalog is not an object")?
        .trim_ascii_end();
    let start = head
        .iter()
        .rposition(|byte| *byte == b'\n' || *byte == b'\r')
        .map_or(0, |newline| newline + 1);
    let object = String::from_utf8_lossy(&head[start..]).into_owned();
    let end = body + position(&pdf[body..], b"endobj")?;
    let catalog = String::from_utf8_lossy(pdf[body..end].trim_ascii_end()).into_owned();
    let catalog = catalog.replacen(
        "<<",
        "<</Lang(en)/ViewerPreferences<</DisplayDocTitle true>>",
        1,
    );

    let trailer_at = position_of_last(&pdf, b"trailer")?;
    let startxref_at = position_of_last(&pdf, b"startxref")?;
    let trailer =
        String::from_utf8_lossy(pdf[trailer_at + 7..startxref_at].trim_ascii()).into_owned();
    let tail = String::from_utf8_lossy(&pdf[startxref_at + 9..]).into_owned();
    let previous = tail
        .split_ascii_whitespace()
        .next()
        .ok_or("no startxref")?
        .to_owned();
    let trailer = trailer.replacen("<<", &format!("<</Prev {previous}"), 1);

    let number = object
        .split_ascii_whitespace()
        .next()
        .ok_or("no object number")?;
    if !pdf.ends_with(b"\n") {
        pdf.push(b'\n');
    }
    let offset = pdf.len();
    pdf.extend_from_slice(format!("{object} obj\n{catalog}\nendobj\n").as_bytes());
    let xref = pdf.len();
    pdf.extend_from_slice(
        format!(
            "xref\n{number} 1\n{offset:010} 00000 n \ntrailer\n{trailer}\nstartxref\n{xref}\n%%EOF\n"
        )
        .as_bytes(),
    );
    Ok(pdf)
}

fn overwrite(pdf: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), String> {
    let place = pdf
        .get_mut(at..at + bytes.len())
        .filter(|place| !place.iter().any(|byte| matches!(byte, b'(' | b')' | b'\\')))
        .ok_or("an id or a date has another length than it used to")?;
    place.copy_from_slice(bytes);
    Ok(())
}

fn replace_all(pdf: &mut [u8], from: &[u8], to: &[u8]) {
    debug_assert_eq!(from.len(), to.len(), "offsets must stay as they are");
    let mut at = 0;
    while let Ok(found) = position(&pdf[at..], from) {
        pdf[at + found..at + found + to.len()].copy_from_slice(to);
        at += found + to.len();
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Result<usize, String> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
        .ok_or_else(|| missing(wanted))
}

fn position_of_last(bytes: &[u8], wanted: &[u8]) -> Result<usize, String> {
    bytes
        .windows(wanted.len())
        .rposition(|window| window == wanted)
        .ok_or_else(|| missing(wanted))
}

fn missing(wanted: &[u8]) -> String {
    format!("the PDF has no {}", String::from_utf8_lossy(wanted))
}
