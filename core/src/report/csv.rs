//! Rows of a file for spreadsheets (RFC 4180), in which no cell is a formula.

use crate::{Error, Result};

/// A spreadsheet runs what begins with one of these (<https://owasp.org/www-community/attacks/CSV_Injection>).
const RUNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Anything that somebody may have typed: one that a spreadsheet would run gets an apostrophe in front.
    Text(String),
    /// A number of ours, which may be negative.
    Number(String),
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn optional(text: Option<String>) -> Self {
        Self::Text(text.unwrap_or_default())
    }

    pub fn number(number: &impl ToString) -> Self {
        Self::Number(number.to_string())
    }

    fn written(self) -> String {
        match self {
            Self::Text(text) if text.starts_with(RUNS) => format!("'{text}"),
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// Rows as bytes of a file.
pub(super) fn written(rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<Vec<u8>> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        let cells = row.into_iter().map(Cell::written);
        writer
            .write_record(cells)
            .map_err(|error| unwritten(&error))?;
    }
    writer.into_inner().map_err(|error| unwritten(&error))
}

fn unwritten(error: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("a row could not be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_typed_is_a_formula_and_all_of_it_reads_back() {
        let typed = [
            "=1+1",
            "+919876543210",
            "-2",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "O'Neil, \"Ada\"\nSecond line",
            "",
        ];
        let rows = typed.map(|text| vec![Cell::text(text), Cell::number(&-5)]);
        let bytes = written(rows).unwrap();
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(bytes.as_slice());
        let read: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(read.len(), typed.len());
        for (row, text) in read.iter().zip(typed) {
            let expected = if text.starts_with(RUNS) {
                format!("'{text}")
            } else {
                text.to_owned()
            };
            assert_eq!((&row[0], &row[1]), (expected.as_str(), "-5"));
        }
    }
}
