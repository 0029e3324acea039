//! How tables look.

use comfy_table::{LineStyle, TableStyle};

/// Lines around the body, none between its rows.
pub(crate) const RULED: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));
