package org.twinpool;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.io.InputStream;
import java.lang.ref.Reference;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A statement with {@code ?} for its parameters, which count from 1. One thread at a time. */
public final class TwinStatement implements AutoCloseable {
    private final Handle handle;
    private TwinConnection parent;

    /** What the library calls at the next execute. */
    private final List<Callbacks.Read> streams = new ArrayList<>();

    private Throwable streamError;

    TwinStatement(long stmt, TwinConnection parent) {
        this.handle = Handle.of(this, stmt, Natives::twin_stmt_free);
        this.parent = parent;
    }

    /** Binds one value. What is bound stays until it is bound anew or cleared. */
    public TwinStatement bind(int index, Object value) throws SQLException {
        handle.call(this, (stmt, s) -> Binder.bind(stmt, index, value, s));
        return this;
    }

    /** Binds a large text piece by piece: the first piece begins it, each further one is put behind it. */
    public void put(int index, String piece) throws SQLException {
        byte[] data = Scratch.utf8(piece);
        handle.call(this, (stmt, s) ->
                Natives.twin_stmt_put(stmt, index, Natives.TWIN_TYPE_TEXT, data, data.length, s.error));
    }

    /** Binds large bytes piece by piece. */
    public void put(int index, byte[] piece) throws SQLException {
        handle.call(this, (stmt, s) ->
                Natives.twin_stmt_put(stmt, index, Natives.TWIN_TYPE_BYTES, piece, piece.length, s.error));
    }

    /** Binds what a stream gives for the next execute; it is read while that runs. With {@code text} it is UTF-8. */
    public void bindStream(int index, InputStream stream, boolean text) throws SQLException {
        Callbacks.Read callback = (buffer, capacity, user) -> {
            // No exception may pass into the library: a negative number gives up.
            try {
                byte[] data = stream.readNBytes((int) Math.min(capacity, 1 << 20));
                buffer.write(0, data, 0, data.length);
                return data.length;
            } catch (Throwable error) {
                streamError = error;
                return -1;
            }
        };
        int kind = text ? Natives.TWIN_TYPE_TEXT : Natives.TWIN_TYPE_BYTES;
        handle.call(this, (stmt, s) ->
                Natives.twin_stmt_bind_stream(stmt, index, kind, Callbacks.address(callback), 0, s.error));
        streams.add(callback);
    }

    /** Binds the values from the first parameter on, and runs the statement. */
    public TwinRows execute(Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            bind(i + 1, values[i]);
        }
        int status;
        try {
            status = handle.call(this, (stmt, s) -> Natives.twin_stmt_execute(stmt, s.second, s.out, s.error));
        } catch (SQLException error) {
            if (streamError != null) {
                error.initCause(streamError);
                streamError = null;
            }
            throw error;
        } finally {
            streams.clear();
        }
        Scratch s = Scratch.get();
        return new TwinRows(s.outLong(), parent, status, s.secondLong());
    }

    /**
     * Runs the statement once for each row, in one transaction unless one is open. A row that fails does not stop the
     * others: look at the errors.
     */
    public BatchResult executeBatch(List<Object[]> rows) throws SQLException {
        BatchBlock block = new BatchBlock(rows);
        handle.call(this, (stmt, s) -> Natives.twin_stmt_bind_columns(stmt, block.address(), s.error));
        Reference.reachabilityFence(block);
        int count = rows.size();
        Memory statuses = new Memory(4L * count);
        Memory affected = new Memory(8L * count);
        int status = handle.call(this, (stmt, s) -> Natives.twin_stmt_execute_batch(
                stmt, Pointer.nativeValue(statuses), Pointer.nativeValue(affected), count, s.out, s.error));
        int[] each = statuses.getIntArray(0, count);
        Map<Integer, SQLException> errors = new HashMap<>();
        for (int i = 0; i < count; i++) {
            if (each[i] < 0) {
                int row = i;
                handle.call(this, (stmt, s) -> Natives.twin_stmt_batch_error(stmt, row, s.out, s.error));
                errors.put(row, Failures.from(each[row], Scratch.get().outLong()));
            }
        }
        return new BatchResult(TwinStatus.of(status), each, affected.getLongArray(0, count), errors);
    }

    /** Forgets all that is bound. */
    public void clear() throws SQLException {
        handle.call(this, (stmt, s) -> Natives.twin_stmt_clear(stmt, s.error));
    }

    /** The number of parameters, without running the statement. */
    public int parameterCount() throws SQLException {
        handle.call(this, (stmt, s) -> Natives.twin_stmt_describe(stmt, s.out, s.second, s.error));
        return Scratch.get().outInt();
    }

    /** The columns that the statement would give, without running it. */
    public List<TwinColumn> columns() throws SQLException {
        handle.call(this, (stmt, s) -> Natives.twin_stmt_describe(stmt, s.out, s.second, s.error));
        int count = Scratch.get().secondInt();
        List<TwinColumn> found = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int index = i;
            handle.call(this, (stmt, s) ->
                    Natives.twin_stmt_column(stmt, index, TwinColumn.prepare(s).structure, s.error));
            found.add(TwinColumn.of(Scratch.get()));
        }
        return found;
    }

    /** Frees the statement. Its rows stay good. */
    @Override
    public void close() {
        handle.run();
        parent = null;
    }
}
