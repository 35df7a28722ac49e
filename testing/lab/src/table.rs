//! Columns that line up.

use std::fmt;

/// A table of text: the first column to the left, the others to the right, a gap of two between them. A
/// column with nothing in it but its head is left out.
///
/// ```
/// use throughline_lab::Table;
///
/// let mut table = Table::new(["sampler", "peak"]);
/// table.row(["ratio", "10.3"]);
/// assert_eq!(table.to_string(), "sampler  peak\nratio    10.3\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub fn new<T: Into<String>>(head: impl IntoIterator<Item = T>) -> Self {
        let mut table = Self::default();
        table.row(head);
        table
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        let mut used = vec![false; columns];
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                widths[column] = cell.chars().count().max(widths[column]);
                used[column] |= index > 0 && !cell.is_empty();
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if !used[column] {
                    continue;
                }
                if column == 0 {
                    line += &format!("{cell:<width$}");
                } else {
                    line += &format!("  {cell:>width$}");
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
