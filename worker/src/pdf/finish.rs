//! What is done to a PDF after genpdf has drawn it, so that it is the same in every reader and in every process: one
//! byte a character in built-in fonts, tags, the language, ids and dates made from the document itself.
//!
//! lopdf reads here what printpdf has written a moment ago, and never a file of anybody else.
//!
//! **A PDF is finished after genpdf has drawn it.** genpdf writes two bytes a character, which only poppler
//! forgives in a built-in font; so `worker/src/pdf/finish.rs` reads what was drawn with lopdf, writes one byte a
//! character, removes `/Interpolate null` (for which Ghostscript drops the barcodes), and adds what genpdf cannot:
//! language, title, dates and ids that are the same in every process, and tags for screen readers. `Sheets` notes
//! what each text is (`pdf/structure.rs`) in the order in which it is drawn. What cannot be tagged: the barcodes of
//! a page are one image, hence one figure with one description, and a table that goes on overleaf repeats no header
//! cells. Tests read every kind of document in poppler, `PDFium`, `MuPDF` and Ghostscript and compare text, places,
//! pixels and barcodes.

use std::io::Write;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lopdf::{
    Dictionary, Document, Object, ObjectId, SaveOptions, Stream, StringFormat, dictionary,
};
use sha2::{Digest, Sha256};

use super::operators;
use super::structure::{Role, Structure};

/// What a screen reader says in place of the barcodes of a page.
const BARCODES: &str = "Aztec barcodes, one for each passenger and flight";

/// The finished PDF: its id is made from `identity`, its dates are `date`.
///
/// An error names what printpdf no longer writes the way this relies on.
pub fn finish(
    pdf: &[u8],
    structure: &Structure,
    identity: &str,
    date: DateTime<Utc>,
) -> Result<Vec<u8>, String> {
    let mut document = Document::load_mem(pdf).map_err(|error| error.to_string())?;
    finished(&mut document, structure, identity, date).map_err(|error| match error {
        Unfit::Pdf(error) => error.to_string(),
        Unfit::Content(what) => what,
    })?;
    let mut bytes = Vec::with_capacity(pdf.len() / 2);
    let options = SaveOptions::builder()
        .use_object_streams(true)
        .use_xref_streams(true)
        .compression_level(1)
        .build();
    document
        .save_with_options(&mut bytes, options)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

enum Unfit {
    Pdf(lopdf::Error),
    Content(String),
}

impl From<lopdf::Error> for Unfit {
    fn from(error: lopdf::Error) -> Self {
        Self::Pdf(error)
    }
}

fn finished(
    document: &mut Document,
    structure: &Structure,
    identity: &str,
    date: DateTime<Utc>,
) -> Result<(), Unfit> {
    identify(document, identity, date)?;
    let pages: Vec<ObjectId> = document.page_iter().collect();
    for (number, page) in pages.iter().enumerate() {
        rewrite_page(document, *page, number, structure)?;
    }
    let tree = tag(document, &pages, structure);

    let catalog = document.catalog_mut()?;
    catalog.set("Lang", Object::string_literal("en"));
    catalog.set(
        "ViewerPreferences",
        dictionary! { "DisplayDocTitle" => true },
    );
    catalog.set("MarkInfo", dictionary! { "Marked" => true });
    catalog.set("StructTreeRoot", tree);
    // printpdf's layer, which nothing is drawn in any more.
    catalog.remove(b"OCProperties");

    for object in document.objects.values_mut() {
        if let Object::Stream(stream) = object {
            if stream.dict.has_type(b"XObject") {
                // `null` is no boolean: Ghostscript drops the image. Without it barcodes stay crisp as well.
                stream.dict.remove(b"Interpolate");
                // Forms have one, images have none.
                stream.dict.remove(b"BBox");
            }
            pack(stream).map_err(|error| Unfit::Content(error.to_string()))?;
        }
    }
    document.prune_objects();
    // Tags came with 1.4, object streams with 1.5; this is ISO 32000-1.
    "1.7".clone_into(&mut document.version);
    Ok(())
}

/// Packs a stream if that makes it smaller. Fast: the highest level takes longer than everything else for a few percent.
fn pack(stream: &mut Stream) -> std::io::Result<()> {
    // To begin packing takes longer than a small stream is worth.
    if stream.dict.has(b"Filter") || stream.content.len() < 1024 {
        return Ok(());
    }
    let room = Vec::with_capacity(stream.content.len() / 2);
    let mut encoder = ZlibEncoder::new(room, Compression::fast());
    encoder.write_all(&stream.content)?;
    let packed = encoder.finish()?;
    if packed.len() < stream.content.len() {
        stream.dict.set("Filter", "FlateDecode");
        stream.set_content(packed);
    }
    Ok(())
}

/// printpdf makes random ids and writes the present time.
fn identify(document: &mut Document, identity: &str, date: DateTime<Utc>) -> Result<(), Unfit> {
    let digest = Sha256::digest(identity.as_bytes());
    let id = Object::String(digest[..16].to_vec(), StringFormat::Hexadecimal);
    document.trailer.set("ID", vec![id.clone(), id]);
    let info = document.trailer.get(b"Info")?.as_reference()?;
    let info = document.get_dictionary_mut(info)?;
    let date = date.format("D:%Y%m%d%H%M%S+00'00'").to_string();
    info.set("CreationDate", Object::string_literal(date.as_str()));
    info.set("ModDate", Object::string_literal(date));
    info.set("Creator", Object::string_literal("Flightdesk"));
    // It is no PDF/X.
    info.remove(b"GTS_PDFXVersion");
    Ok(())
}

fn rewrite_page(
    document: &mut Document,
    page: ObjectId,
    number: usize,
    structure: &Structure,
) -> Result<(), Unfit> {
    let dictionary = document.get_dictionary(page)?;
    let content_id = dictionary.get(b"Contents")?.as_reference()?;
    let resources_id = dictionary.get(b"Resources")?.as_reference()?;
    let resources = document.get_dictionary(resources_id)?;
    let fonts = document.get_dict_in_dict(resources, b"Font")?;
    let built_in: Vec<String> = fonts
        .iter()
        .filter(|(_, font)| is_built_in(document, font))
        .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
        .collect();

    let content = document.get_object(content_id)?.as_stream()?;
    let rewritten = operators::rewrite(&content.content, number, structure, |font| {
        built_in.iter().any(|name| name == font)
    })
    .map_err(Unfit::Content)?;
    document
        .get_object_mut(content_id)?
        .as_stream_mut()?
        .set_plain_content(rewritten);
    document
        .get_dictionary_mut(resources_id)?
        .remove(b"Properties");
    let page = document.get_dictionary_mut(page)?;
    page.set("StructParents", int(number));
    // Keys of one page follow its structure, not its rows.
    page.set("Tabs", Object::Name(b"S".to_vec()));
    Ok(())
}

fn is_built_in(document: &Document, font: &Object) -> bool {
    let dictionary = match font {
        Object::Reference(id) => document.get_dictionary(*id),
        other => other.as_dict(),
    };
    dictionary.is_ok_and(|font| {
        font.get(b"Subtype")
            .is_ok_and(|kind| kind.as_name().is_ok_and(|name| name == b"Type1"))
    })
}

/// Writes the tree of tags; returns where it is.
fn tag(document: &mut Document, pages: &[ObjectId], structure: &Structure) -> ObjectId {
    let root = document.new_object_id();
    let ids: Vec<ObjectId> = structure
        .elements
        .iter()
        .map(|_| document.new_object_id())
        .collect();
    let mut kids: Vec<Vec<Object>> = vec![Vec::new(); ids.len()];
    for (index, element) in structure.elements.iter().enumerate() {
        if let Some(parent) = element.parent {
            kids[parent].push(ids[index].into());
        }
    }
    let mut numbers = Vec::new();
    for (number, (page, pieces)) in pages.iter().zip(&structure.pages).enumerate() {
        let parents = pieces.iter().enumerate().map(|(piece, element)| {
            let Some(element) = *element else {
                return Object::Null;
            };
            kids[element].push(Object::Dictionary(dictionary! {
                "Type" => "MCR", "Pg" => *page, "MCID" => int(piece),
            }));
            ids[element].into()
        });
        let parents: Vec<Object> = parents.collect();
        numbers.extend([int(number), document.add_object(parents).into()]);
    }
    for (index, kids) in kids.into_iter().enumerate() {
        let element = structure.elements[index];
        let parent = element.parent.map_or(root, |parent| ids[parent]);
        let mut tag = dictionary! { "S" => element.role.name(), "P" => parent, "K" => kids };
        describe(&mut tag, element.role);
        document.set_object(ids[index], tag);
    }
    let numbers = dictionary! { "Nums" => numbers };
    let tree = dictionary! { "Type" => "StructTreeRoot", "K" => ids[0], "ParentTree" => numbers };
    document.set_object(root, tree);
    root
}

fn describe(tag: &mut Dictionary, role: Role) {
    let scope = match role {
        Role::ColumnHeader => "Column",
        Role::RowHeader => "Row",
        Role::Barcodes => {
            tag.set("Alt", Object::string_literal(BARCODES));
            return;
        }
        _ => return,
    };
    tag.set("A", dictionary! { "O" => "Table", "Scope" => scope });
}

fn int(index: usize) -> Object {
    Object::Integer(i64::try_from(index).unwrap_or(i64::MAX))
}
