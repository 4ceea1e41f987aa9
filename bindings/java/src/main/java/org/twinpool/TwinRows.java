package org.twinpool;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Reference;
import java.math.BigDecimal;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/**
 * The outcome of a statement, and its rows if it gives any: call {@link #next}, then the getters. Columns count from 1.
 * One thread at a time.
 */
public final class TwinRows implements AutoCloseable {
    private final Handle handle;
    /** What the rows live on. */
    private Object parent;

    private final TwinStatus status;
    private long affected;
    private List<TwinColumn> columns;
    private Block block;
    private int row = -1;

    TwinRows(long rows, Object parent, int status, long affected) {
        this.handle = Handle.of(this, rows, Natives::twin_rows_free);
        this.parent = parent;
        this.status = TwinStatus.of(status);
        this.affected = affected;
    }

    /** How the statement ended. */
    public TwinStatus status() {
        return status;
    }

    /** Rows written on the master; -1 where the driver does not say. */
    public long affected() {
        return affected;
    }

    /** The columns of the result; empty if the statement gives none. */
    public List<TwinColumn> columns() throws SQLException {
        if (columns == null) {
            List<TwinColumn> found = new ArrayList<>();
            if (handle.get() != 0) {
                handle.call(this, (rows, s) -> Natives.twin_rows_column_count(rows, s.out, s.error));
                int count = Scratch.get().outInt();
                for (int i = 0; i < count; i++) {
                    int index = i;
                    handle.call(this, (rows, s) ->
                            Natives.twin_rows_column(rows, index, TwinColumn.prepare(s).structure, s.error));
                    found.add(TwinColumn.of(Scratch.get()));
                }
            }
            columns = List.copyOf(found);
        }
        return columns;
    }

    /** Moves to the next row; false at the end. */
    public boolean next() throws SQLException {
        if (block != null && row + 1 < block.rows) {
            row++;
            return true;
        }
        if (handle.get() == 0) {
            return false;
        }
        block = null;
        row = -1;
        int status = handle.call(this, (rows, s) -> Natives.twin_rows_next(rows, 0, s.out, s.error));
        if (status != Natives.TWIN_OK) {
            return false;
        }
        block = new Block(Scratch.get().outLong());
        Reference.reachabilityFence(this);
        return next();
    }

    /** A value of the current row, in the class that {@link TwinColumn.Type} names; null for NULL. */
    public Object get(int column) throws SQLException {
        check(column);
        try {
            return block.get(row, column - 1);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private void check(int column) throws SQLException {
        if (block == null || row < 0) {
            throw new SQLException("there is no current row: call next() first");
        }
        if (column < 1 || column > block.width()) {
            throw new SQLException("column " + column + " is none: there are " + block.width());
        }
    }

    /**
     * A large value of the current row piece by piece: bytes, or the UTF-8 of a text or decimal; null for NULL. The
     * value is never in Java's memory as a whole. The stream ends with the row: read after {@link #next} it fails.
     */
    public InputStream stream(int column) throws SQLException {
        check(column);
        return block.isNull(row, column - 1) ? null : new Pieces(block, row, column - 1);
    }

    /** Reads a value of a block that is still the current one. */
    private final class Pieces extends InputStream {
        private final Block of;
        private final int at;
        private final int column;
        private long offset;

        Pieces(Block of, int at, int column) {
            this.of = of;
            this.at = at;
            this.column = column;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] buffer, int from, int length) throws IOException {
            java.util.Objects.checkFromIndexSize(from, length, buffer.length);
            if (length == 0) {
                return 0;
            }
            if (block != of || row != at) {
                throw new IOException("the row of this stream is no longer the current one");
            }
            byte[] piece = from == 0 ? buffer : new byte[length];
            int got;
            try {
                handle.call(TwinRows.this, (rows, s) ->
                        Natives.twin_rows_read(rows, at, column, offset, piece, length, s.out, s.error));
                got = (int) Scratch.get().outLong();
            } catch (SQLException error) {
                throw new IOException(error.getMessage(), error);
            }
            if (piece != buffer) {
                System.arraycopy(piece, 0, buffer, from, got);
            }
            offset += got;
            return got == 0 ? -1 : got;
        }
    }

    /** A whole number: of a boolean, an integer, or a decimal or text that is one. */
    public long getLong(int column) throws SQLException {
        Object value = get(column);
        if (value instanceof Long) {
            return (Long) value;
        } else if (value instanceof Boolean) {
            return (Boolean) value ? 1 : 0;
        }
        try {
            return new BigDecimal(value == null ? "0" : value.toString()).longValueExact();
        } catch (ArithmeticException | NumberFormatException error) {
            throw new SQLException("column " + column + " holds no integer of 64 bits", error);
        }
    }

    /** A value as text; null for NULL. */
    public String getString(int column) throws SQLException {
        Object value = get(column);
        if (value instanceof byte[]) {
            return java.util.HexFormat.of().formatHex((byte[]) value);
        } else if (value instanceof BigDecimal) {
            return ((BigDecimal) value).toPlainString();
        }
        return value == null ? null : value.toString();
    }

    /** The current row. */
    public Object[] row() throws SQLException {
        Object[] values = new Object[block == null ? 0 : block.width()];
        for (int i = 0; i < values.length; i++) {
            values[i] = get(i + 1);
        }
        return values;
    }

    /** All rows that are left. */
    public List<Object[]> all() throws SQLException {
        List<Object[]> rows = new ArrayList<>();
        while (next()) {
            rows.add(row());
        }
        return rows;
    }

    /** Moves to the statement's next result; false if there is none. */
    public boolean more() throws SQLException {
        block = null;
        row = -1;
        columns = null;
        if (handle.call(this, (rows, s) -> Natives.twin_rows_more(rows, s.error)) != Natives.TWIN_OK) {
            return false;
        }
        handle.call(this, (rows, s) -> Natives.twin_rows_affected(rows, s.out, s.error));
        affected = Scratch.get().outLong();
        return true;
    }

    @Override
    public void close() {
        block = null;
        handle.run();
        parent = null;
    }
}
