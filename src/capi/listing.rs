//! Rows that the library makes itself.

use super::block::Columns;
use crate::value::{Block, Column, ColumnData, ColumnInfo, Type, Value};

/// Rows that the library makes itself.
pub struct Listing {
    pub columns: Vec<ColumnInfo>,
    pub rows: Vec<Vec<Value>>,
}

impl Listing {
    pub fn new(columns: &[(&str, Type)]) -> Listing {
        let columns = columns
            .iter()
            .map(|(name, kind)| ColumnInfo {
                name: (*name).to_owned(),
                kind: *kind,
                // SQL_BIGINT and SQL_VARCHAR.
                sql_type: if *kind == Type::Int { -5 } else { 12 },
                size: 0,
                digits: 0,
                nullable: false,
            })
            .collect();
        Listing { columns, rows: Vec::new() }
    }

    pub fn push(&mut self, row: Vec<Value>) {
        self.rows.push(row);
    }
}

/// Turns a few rows of a listing, all integers and texts, into a block.
pub fn listed(columns: &Columns, rows: Vec<Vec<Value>>, block: &mut Block) {
    block.rows = rows.len();
    block.columns = (0..columns.len())
        .map(|c| {
            let cells = rows.iter().map(|r| r.get(c));
            let data = match columns.kind(c) {
                Some(Type::Int) => {
                    ColumnData::Int(cells.map(|v| if let Some(Value::Int(n)) = v { *n } else { 0 }).collect())
                }
                _ => {
                    let (mut offsets, mut bytes) = (vec![0], Vec::new());
                    for cell in cells {
                        if let Some(Value::Text(t)) = cell {
                            bytes.extend_from_slice(t.as_bytes());
                        }
                        offsets.push(bytes.len() as i64);
                    }
                    ColumnData::Var { offsets, bytes: bytes.into() }
                }
            };
            Column { kind: columns.kind(c).unwrap_or(Type::Text), nulls: vec![0; rows.len()], data }
        })
        .collect();
}
