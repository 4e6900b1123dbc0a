//! What the pieces of a document are to a screen reader (ISO 32000-1, 14.8 "Tagged PDF").
//!
//! genpdf and printpdf know no tags. So what is set is noted here in the order it is drawn, and `finish` writes the
//! tags around each piece afterwards. Two things cannot be had this way: barcodes of a page are one image, so they are
//! one figure with one description; and a table that goes on overleaf has its header cells on its first page alone.

/// The standard structure types that documents use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The document itself; there is one.
    Document,
    /// The title.
    Title,
    /// The heading of a part.
    Heading,
    /// Running text.
    Paragraph,
    /// A table; it holds rows.
    Table,
    /// A row; it holds cells.
    Row,
    /// The header of a column.
    ColumnHeader,
    /// The header of a row.
    RowHeader,
    /// A cell.
    Cell,
    /// The barcodes of a page.
    Barcodes,
}

impl Role {
    /// The name in the PDF.
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "Document",
            Self::Title => "H1",
            Self::Heading => "H2",
            Self::Paragraph => "P",
            Self::Table => "Table",
            Self::Row => "TR",
            Self::ColumnHeader | Self::RowHeader => "TH",
            Self::Cell => "TD",
            Self::Barcodes => "Figure",
        }
    }
}

/// An element of the tree.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// What it is.
    pub role: Role,
    /// The index of the element it is in; the first element is in none.
    pub parent: Option<usize>,
}

/// What every piece of a document belongs to.
#[derive(Debug)]
pub struct Structure {
    /// Parents before their children, children in reading order.
    pub elements: Vec<Element>,
    /// For each page and each thing drawn on it, in the order of drawing: its element, or none for what only decorates.
    pub pages: Vec<Vec<Option<usize>>>,
}

/// The tree while the document is being set.
#[derive(Debug)]
pub struct Outline {
    elements: Vec<Element>,
    open: Vec<usize>,
}

impl Outline {
    /// The document, still empty.
    pub fn new() -> Self {
        let document = Element {
            role: Role::Document,
            parent: None,
        };
        Self {
            elements: vec![document],
            open: vec![0],
        }
    }

    /// Begins an element inside the one that is open.
    pub fn open(&mut self, role: Role) {
        let index = self.add(role, self.open.last().copied());
        self.open.push(index);
    }

    /// Ends the element that was begun last.
    pub fn close(&mut self) {
        if self.open.len() > 1 {
            self.open.pop();
        }
    }

    /// The element of a text that is set now: the open one, or a new one inside it that may hold text.
    pub fn of_text(&mut self) -> usize {
        let open = self.open.last().copied().unwrap_or(0);
        match self.elements[open].role {
            Role::Document | Role::Table => self.add(Role::Paragraph, Some(open)),
            Role::Row => self.add(Role::Cell, Some(open)),
            Role::Title
            | Role::Heading
            | Role::Paragraph
            | Role::ColumnHeader
            | Role::RowHeader
            | Role::Cell
            | Role::Barcodes => open,
        }
    }

    /// A new element directly in the document.
    pub fn of_barcodes(&mut self) -> usize {
        self.add(Role::Barcodes, Some(0))
    }

    /// The finished tree.
    pub fn into_elements(self) -> Vec<Element> {
        self.elements
    }

    fn add(&mut self, role: Role, parent: Option<usize>) -> usize {
        self.elements.push(Element { role, parent });
        self.elements.len() - 1
    }
}
