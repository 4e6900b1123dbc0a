//! Rewrites the operators of a page that printpdf has written.
//!
//! printpdf writes two bytes a character in every font: `<0045>`. That is right in an embedded font with its
//! `Identity-H` encoding. In a built-in font, whose encoding is Windows-1252, each byte is a character of its own: `PDFium`, `MuPDF`,
//! Ghostscript and pdf.js set a NUL before every letter, with a gap as wide as a letter. So the operands are written
//! anew: one byte a character there, and one string for what stands together, in both.
//!
//! One operator stands on a line, each text is `BT … ET`, each rule `… G … RG`, each image `q … Q`.

use super::structure::Structure;

/// The operators of a page with one byte a character in built-in fonts and with tags around each piece.
///
/// An error names what printpdf no longer writes the way this relies on.
pub fn rewrite(
    content: &[u8],
    page: usize,
    structure: &Structure,
    is_built_in: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, String> {
    let content = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    let pieces = structure.pages.get(page).ok_or("a page too many")?;
    let mut pieces = pieces.iter().enumerate();
    let mut written = Vec::with_capacity(content.len());
    let mut until: Option<&str> = None;
    let mut built_in = false;
    for line in content.lines() {
        match until {
            // The layer that printpdf draws everything in.
            None if line == "/OC /MC0 BDC" || line == "EMC" || line.is_empty() => continue,
            None => {
                until = match line {
                    "q" if written.is_empty() => None,
                    "q" => Some("Q"),
                    "BT" => Some("ET"),
                    colour if colour.ends_with(" G") => Some("RG"),
                    "Q" => None,
                    other => return Err(format!("the PDF has {other:?} between its pieces")),
                };
                if until.is_some() {
                    let (index, element) =
                        pieces.next().ok_or("a piece of text that was not set")?;
                    let tag = match element {
                        // The number of a piece is its place on the page.
                        Some(element) => {
                            let role = structure.elements[*element].role.name();
                            format!("/{role} <</MCID {index}>> BDC\n")
                        }
                        None => "/Artifact BMC\n".to_owned(),
                    };
                    written.extend_from_slice(tag.as_bytes());
                }
            }
            Some(_) => {}
        }
        if let Some(font) = line.strip_suffix(" Tf") {
            let name = font.split(' ').next().unwrap_or_default();
            built_in = is_built_in(name.trim_start_matches('/'));
        }
        match line.strip_suffix(" TJ") {
            Some(strings) => show_text(&mut written, strings, built_in)?,
            None => written.extend_from_slice(line.as_bytes()),
        }
        written.push(b'\n');
        if until.is_some_and(|end| line == end || (end == "RG" && line.ends_with(" RG"))) {
            written.extend_from_slice(b"EMC\n");
            until = None;
        }
    }
    match pieces.next() {
        Some(_) => Err("a piece is not on its page".to_owned()),
        None => Ok(written),
    }
}

/// Writes `[<0041><0042> 37<0043>]` as `[(AB)37(C)] TJ`, or as `[<00410042>37<0043>] TJ` in an embedded font.
fn show_text(written: &mut Vec<u8>, strings: &str, built_in: bool) -> Result<(), String> {
    let unknown = || format!("the PDF has a text of another form: {strings}");
    let inside = strings
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let (begin, end) = if built_in { (b'(', b')') } else { (b'<', b'>') };
    let mut is_open = false;
    written.push(b'[');
    for piece in inside.ok_or_else(unknown)?.split('<') {
        // `0041>`, or `0041> 37` before a gap, or nothing but a gap at the beginning.
        let (code, gap) = match piece.split_once('>') {
            Some((code, gap)) => (Some(code), gap.trim()),
            None => (None, piece.trim()),
        };
        if let Some(code) = code {
            if !is_open {
                written.push(begin);
                is_open = true;
            }
            if built_in {
                let code = u16::from_str_radix(code, 16).map_err(|_| unknown())?;
                let byte = u8::try_from(code).map_err(|_| unknown())?;
                if matches!(byte, b'(' | b')' | b'\\') {
                    written.push(b'\\');
                }
                written.push(byte);
            } else {
                written.extend_from_slice(code.as_bytes());
            }
        }
        if !gap.is_empty() {
            gap.parse::<i64>().map_err(|_| unknown())?;
            if is_open {
                written.push(end);
                is_open = false;
            }
            written.extend_from_slice(gap.as_bytes());
        }
    }
    if is_open {
        written.push(end);
    }
    written.extend_from_slice(b"] TJ");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_a_built_in_font_is_one_byte() {
        for (strings, built_in, wanted) in [
            (
                "[<0041><0042> 37<0043>]",
                true,
                b"[(AB)37(C)] TJ".as_slice(),
            ),
            ("[<0028><0029><005C><00E9>]", true, b"[(\\(\\)\\\\\xe9)] TJ"),
            ("[ -12<0041>]", true, b"[-12(A)] TJ"),
            ("[<0041><0142> 37<0043>]", false, b"[<00410142>37<0043>] TJ"),
            ("[]", true, b"[] TJ"),
        ] {
            let mut written = Vec::new();
            show_text(&mut written, strings, built_in).unwrap();
            assert_eq!(written, wanted, "{strings}");
        }
        for odd in ["<0041>", "[<0141>]", "[<zz>]", "[(AB)]"] {
            assert!(show_text(&mut Vec::new(), odd, true).is_err(), "{odd}");
        }
    }
}
