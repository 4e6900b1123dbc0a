//! Pages to set text, rules and barcodes on, by position; the only file that draws with genpdf.

use std::borrow::Cow;

use genpdf::elements::Image;
use genpdf::error::Error;
use genpdf::fonts::FontCache;
use genpdf::render::Area;
use genpdf::style::{Color, Style};
use genpdf::{Context, Document, Element, Position, RenderResult, Scale, Size};
use image::{DynamicImage, GrayImage, Luma};

use super::barcode::{Barcode, MODULE_MM};
use super::face::{Face, transliterated};
use super::structure::{Outline, Role, Structure};
use super::widths::Widths;

/// A4.
pub const WIDTH: f64 = 210.0;
/// A4.
pub const HEIGHT: f64 = 297.0;
const PIXELS_PER_INCH: f64 = 25.4 / MODULE_MM;

/// From the upper edge of a line to its baseline, in millimetres for each point of size.
const ASCENT: f64 = 0.95 * 25.4 / 72.0;

/// Black.
pub const INK: u8 = 0;
/// For what explains.
pub const GREY: u8 = 105;
/// For rules.
pub const PALE: u8 = 205;

/// Size in points, weight and shade of a text.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// In points.
    pub size: u8,
    /// Bold or regular.
    pub bold: bool,
    /// 0 is black, 255 white.
    pub shade: u8,
}

/// Regular black text of a size in points.
pub const fn text(size: u8) -> Type {
    Type {
        size,
        bold: false,
        shade: INK,
    }
}

/// Regular grey text of a size in points.
pub const fn grey(size: u8) -> Type {
    Type {
        shade: GREY,
        ..text(size)
    }
}

/// Bold black text of a size in points.
pub const fn bold(size: u8) -> Type {
    Type {
        bold: true,
        ..text(size)
    }
}

impl Type {
    fn style(self) -> Style {
        let style = Style::new()
            .with_font_size(self.size)
            .with_color(Color::Greyscale(self.shade));
        if self.bold { style.bold() } else { style }
    }
}

enum Mark {
    /// A line of text, and the element it belongs to.
    Text(f64, f64, Type, String, Option<usize>),
    Rule(f64, f64, f64),
}

#[derive(Default)]
struct Page {
    marks: Vec<Mark>,
    barcodes: Vec<(f64, f64, Barcode)>,
    /// The element that the barcodes are.
    figure: Option<usize>,
}

impl Page {
    /// The elements of what is drawn, in the order of drawing.
    fn elements(&self) -> Vec<Option<usize>> {
        let barcodes = (!self.barcodes.is_empty()).then_some(self.figure);
        let marks = self.marks.iter().map(|mark| match mark {
            Mark::Text(.., element) => *element,
            Mark::Rule(..) => None,
        });
        barcodes.into_iter().chain(marks).collect()
    }
}

/// Pages being set. Positions are millimetres from the top left corner of the page.
pub struct Sheets {
    document: Document,
    face: Face,
    pages: Vec<Page>,
    outline: Outline,
    /// What is set now stands on every page and is read on none.
    decorates: bool,
    missing_glyphs: bool,
}

impl Sheets {
    /// One empty page, to be set in `face`.
    pub fn new(face: Face) -> Result<Self, String> {
        let mut document = Document::new(face.family()?);
        document.set_minimal_conformance();
        Ok(Self {
            document,
            face,
            pages: vec![Page::default()],
            outline: Outline::new(),
            decorates: false,
            missing_glyphs: false,
        })
    }

    /// What is set from now on is part of such an element, until [`Sheets::close`].
    pub fn open(&mut self, role: Role) {
        self.outline.open(role);
    }

    /// Ends the element that was begun last.
    pub fn close(&mut self) {
        self.outline.close();
    }

    /// Whether some text had letters that the face has not, and was set transliterated.
    pub fn missing_glyphs(&self) -> bool {
        self.missing_glyphs
    }

    /// Begins a new page; what is set from now on goes there.
    pub fn turn_page(&mut self) {
        self.pages.push(Page::default());
    }

    /// Sets a line of text with its left end at `x` and its upper edge at `y`.
    pub fn text(&mut self, x: f64, y: f64, kind: Type, line: &str) {
        let line = self.printable(line);
        if line.is_empty() {
            return;
        }
        let element = (!self.decorates).then(|| self.outline.of_text());
        self.push(Mark::Text(x, y, kind, line, element));
    }

    /// Sets a line of text that ends at `right`.
    pub fn text_right(&mut self, right: f64, y: f64, kind: Type, line: &str) {
        let x = right - self.width(kind, line);
        self.text(x, y, kind, line);
    }

    /// Sets the same line on every page, made from its number and how many there are.
    pub fn on_every_page(&mut self, mut set: impl FnMut(&mut Self, usize, usize)) {
        let count = self.pages.len();
        self.decorates = true;
        // What is set goes to the last page: each in turn becomes it.
        for number in 1..=count {
            self.pages.rotate_left(1);
            set(self, number, count);
        }
        self.decorates = false;
    }

    /// Draws a thin line across.
    pub fn rule(&mut self, left: f64, right: f64, y: f64) {
        self.push(Mark::Rule(left, right, y));
    }

    /// Places a barcode with its upper left corner near `x`, `y`: on the grid of modules of this page.
    pub fn barcode(&mut self, x: f64, y: f64, barcode: Barcode) {
        if let Some(page) = self.pages.last_mut() {
            page.figure
                .get_or_insert_with(|| self.outline.of_barcodes());
            page.barcodes.push((x, y, barcode));
        }
    }

    /// How wide a line is, in millimetres.
    pub fn width(&self, kind: Type, line: &str) -> f64 {
        let fonts = self.document.font_cache();
        let built_in = match self.face {
            Face::Helvetica => Widths::built_in(fonts, kind.bold).width(line, kind.size),
            Face::NotoSans => None,
        };
        built_in.unwrap_or_else(|| {
            let line = self.in_our_letters(line);
            kind.style().str_width(fonts, &line).into()
        })
    }

    /// Breaks a text into lines of at most `width` millimetres; a word that is longer is broken too.
    pub fn wrap(&self, kind: Type, text: &str, width: f64) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let mut rest = word;
            while !rest.is_empty() {
                let last = lines.len() - 1;
                let joined = match lines[last].as_str() {
                    "" => rest.to_owned(),
                    line => format!("{line} {rest}"),
                };
                if self.width(kind, &joined) <= width {
                    lines[last] = joined;
                    rest = "";
                } else if lines[last].is_empty() {
                    let fits = self.prefix_that_fits(kind, rest, width);
                    rest[..fits].clone_into(&mut lines[last]);
                    rest = &rest[fits..];
                    if !rest.is_empty() {
                        lines.push(String::new());
                    }
                } else {
                    lines.push(String::new());
                }
            }
        }
        lines
    }

    /// The line, or as much of it as is no wider than `width` and a mark that something is left out.
    pub fn shortened(&self, kind: Type, line: &str, width: f64) -> String {
        const MARK: &str = "…";
        if self.width(kind, line) <= width {
            return line.to_owned();
        }
        let ends = line.char_indices().map(|(end, _)| end).rev();
        let mut kept = ends.map(|end| format!("{}{MARK}", line[..end].trim_end()));
        kept.find(|kept| self.width(kind, kept) <= width)
            .unwrap_or_else(|| MARK.to_owned())
    }

    /// The PDF as genpdf writes it, with its random ids and the present time, and what its pieces are.
    pub fn write(mut self, title: &str) -> Result<(Vec<u8>, Structure), Error> {
        let structure = Structure {
            pages: self.pages.iter().map(Page::elements).collect(),
            elements: self.outline.into_elements(),
        };
        self.document.set_title(title);
        self.document.set_paper_size(Size::new(WIDTH, HEIGHT));
        self.document.push(Drawing {
            pages: self.pages.into_iter(),
        });
        let mut bytes = Vec::with_capacity(16 * 1024);
        self.document.render(&mut bytes)?;
        Ok((bytes, structure))
    }

    fn prefix_that_fits(&self, kind: Type, word: &str, width: f64) -> usize {
        let ends = word.char_indices().skip(1).map(|(end, _)| end);
        let fitting = ends.take_while(|end| self.width(kind, &word[..*end]) <= width);
        let first = word.chars().next().map_or(0, char::len_utf8);
        fitting.last().unwrap_or(first)
    }

    fn printable(&mut self, line: &str) -> String {
        let printable = self.in_our_letters(line);
        let is_missing = printable != line;
        let printable = printable.into_owned();
        self.missing_glyphs |= is_missing;
        printable
    }

    fn in_our_letters<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if self.face.has(self.document.font_cache(), line) {
            Cow::Borrowed(line)
        } else {
            transliterated(line)
        }
    }

    fn push(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.marks.push(mark);
        }
    }
}

struct Drawing {
    pages: std::vec::IntoIter<Page>,
}

impl Element for Drawing {
    fn render(
        &mut self,
        context: &Context,
        area: Area<'_>,
        _: Style,
    ) -> Result<RenderResult, Error> {
        if let Some(page) = self.pages.next() {
            draw(&page, &context.font_cache, context, &area)?;
        }
        Ok(RenderResult {
            size: area.size(),
            has_more: self.pages.len() > 0,
        })
    }
}

fn draw(page: &Page, fonts: &FontCache, context: &Context, area: &Area<'_>) -> Result<(), Error> {
    draw_barcodes(&page.barcodes, context, area)?;
    for mark in &page.marks {
        match mark {
            Mark::Text(x, y, kind, line, _) => {
                let style = kind.style();
                // genpdf sets the baseline a glyph's height below, which differs from face to face.
                let height = f64::from(style.font(fonts).glyph_height(kind.size));
                let y = y + ASCENT * f64::from(kind.size) - height;
                area.print_str(fonts, Position::new(*x, y), style, line)?;
            }
            Mark::Rule(left, right, y) => {
                let ends = vec![Position::new(*left, *y), Position::new(*right, *y)];
                area.draw_line(ends, Style::new().with_color(Color::Greyscale(PALE)));
            }
        }
    }
    Ok(())
}

/// All barcodes of a page are one image, a pixel a module: printpdf numbers several images in a random order, and the
/// same ticket must have the same bytes. An image covers what is below it, so it is drawn first.
fn draw_barcodes(
    barcodes: &[(f64, f64, Barcode)],
    context: &Context,
    area: &Area<'_>,
) -> Result<(), Error> {
    let Some(left) = barcodes.iter().map(|(x, ..)| *x).reduce(f64::min) else {
        return Ok(());
    };
    let Some(top) = barcodes.iter().map(|(_, y, _)| *y).reduce(f64::min) else {
        return Ok(());
    };
    let placed: Vec<_> = barcodes
        .iter()
        .map(|(x, y, code)| (pixels(x - left), pixels(y - top), code))
        .collect();
    let width = placed.iter().map(|(x, _, code)| x + code.modules()).max();
    let height = placed.iter().map(|(_, y, code)| y + code.modules()).max();
    let (width, height) = (width.unwrap_or(0), height.unwrap_or(0));

    let mut image = GrayImage::from_pixel(width, height, Luma([255]));
    for (left, top, code) in placed {
        for y in 0..code.modules() {
            for x in (0..code.modules()).filter(|x| code.is_black(*x, y)) {
                image.put_pixel(left + x, top + y, Luma([0]));
            }
        }
    }
    Image::from_dynamic_image(DynamicImage::ImageLuma8(image))?
        .with_position(Position::new(left, top))
        .with_dpi(PIXELS_PER_INCH)
        .with_scale(Scale::new(1, 1))
        .render(context, area.clone(), Style::new())?;
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions on a page are a few hundred modules"
)]
fn pixels(millimetres: f64) -> u32 {
    (millimetres / MODULE_MM).round().max(0.0) as u32
}
