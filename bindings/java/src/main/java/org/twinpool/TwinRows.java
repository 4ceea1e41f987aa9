package org.twinpool;

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
        if (block == null || row < 0) {
            throw new SQLException("there is no current row: call next() first");
        }
        if (column < 1 || column > block.width()) {
            throw new SQLException("column " + column + " is none: there are " + block.width());
        }
        return block.get(row, column - 1);
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
