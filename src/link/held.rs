//! A result that was read whole: its first columns for the caller, the others for ourselves.

use std::collections::VecDeque;

use crate::value::{Block, Column, ColumnData, Value};

/// Rows in memory that are given block by block.
#[derive(Debug, Default)]
pub(super) struct Held {
    blocks: VecDeque<Block>,
    /// Rows of the first block that were given.
    given: usize,
}

impl Held {
    /// Takes a block's first `keep` columns and gives the values of the others.
    pub fn add(&mut self, mut block: Block, keep: usize) -> Vec<Vec<Value>> {
        let columns = keep.min(block.columns.len())..block.columns.len();
        let others = (0..block.rows)
            .map(|row| columns.clone().map(|column| block.value(row, column)).collect())
            .collect();
        block.columns.truncate(keep);
        self.blocks.push_back(block);
        others
    }

    /// The next rows, at most `most`; false: there are none.
    pub fn next(&mut self, most: usize, into: &mut Block) -> bool {
        while self.blocks.front().is_some_and(|b| b.rows <= self.given) {
            self.blocks.pop_front();
            self.given = 0;
        }
        let Some(block) = self.blocks.front() else { return false };
        let to = block.rows.min(self.given + most.max(1));
        *into = slice(block, self.given, to);
        self.given = to;
        true
    }
}

/// The rows from `from` up to `to`.
fn slice(block: &Block, from: usize, to: usize) -> Block {
    let data = |data: &ColumnData| match data {
        ColumnData::Bool(v) => ColumnData::Bool(v[from..to].to_vec()),
        ColumnData::Int(v) => ColumnData::Int(v[from..to].to_vec()),
        ColumnData::Double(v) => ColumnData::Double(v[from..to].to_vec()),
        ColumnData::Date(v) => ColumnData::Date(v[from..to].to_vec()),
        ColumnData::Time(v) => ColumnData::Time(v[from..to].to_vec()),
        ColumnData::Timestamp(v) => ColumnData::Timestamp(v[from..to].to_vec()),
        ColumnData::Uuid(v) => ColumnData::Uuid(v[from..to].to_vec()),
        ColumnData::Var { offsets, bytes } => {
            let first = offsets[from];
            ColumnData::Var {
                offsets: offsets[from..=to].iter().map(|o| o - first).collect(),
                bytes: bytes.part(first as usize..offsets[to] as usize),
            }
        }
    };
    let columns = block
        .columns
        .iter()
        .map(|c| Column { kind: c.kind, nulls: c.nulls[from..to].to_vec(), data: data(&c.data) })
        .collect();
    Block { rows: to - from, columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    #[test]
    fn held_rows_are_given_in_blocks_of_any_size_without_the_columns_taken() {
        let texts = |t: [&str; 3]| ColumnData::Var {
            offsets: vec![0, t[0].len() as i64, (t[0].len() + t[1].len()) as i64, t.concat().len() as i64],
            bytes: t.concat().into_bytes().into(),
        };
        let block = Block {
            rows: 3,
            columns: vec![
                Column { kind: Type::Text, nulls: vec![0, 1, 0], data: texts(["ab", "", "c"]) },
                Column { kind: Type::Int, nulls: vec![0; 3], data: ColumnData::Int(vec![1, 2, 3]) },
            ],
        };
        for most in 1..5 {
            let mut held = Held::default();
            assert_eq!(held.add(block.clone(), 1), [1, 2, 3].map(|n| vec![Value::Int(n)]));
            let (mut into, mut all) = (Block::default(), Vec::new());
            while held.next(most, &mut into) {
                assert!(into.rows <= most);
                all.extend(into.to_rows());
            }
            let text = |t: &str| Value::Text(t.into());
            assert_eq!(all, [vec![text("ab")], vec![Value::Null], vec![text("c")]]);
        }
    }
}
