package org.twinpool;

import java.lang.ref.Reference;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;

/** A connection to the pair. One thread at a time, any thread. Closing gives it back to its pool. */
public final class TwinConnection implements AutoCloseable {
    /** Isolation of the transactions to come. */
    public enum Isolation {
        READ_COMMITTED,
        REPEATABLE_READ,
        SERIALIZABLE
    }

    private final Handle handle;
    private TwinPool parent;

    TwinConnection(long conn, TwinPool parent) {
        this.handle = Handle.of(this, conn, Natives::twin_conn_free);
        this.parent = parent;
    }

    /** Runs one statement. Outside a transaction it is one of its own. */
    public TwinRows execute(String sql, Object... values) throws SQLException {
        if (values.length > 0) {
            try (TwinStatement statement = prepare(sql)) {
                return statement.execute(values);
            }
        }
        byte[] text = Scratch.utf8(sql);
        int status = handle.call(this, (conn, s) ->
                Natives.twin_conn_execute(conn, text, text.length, s.second, s.out, s.error));
        Scratch s = Scratch.get();
        return new TwinRows(s.outLong(), this, status, s.secondLong());
    }

    /** Makes a statement with {@code ?} for its parameters. */
    public TwinStatement prepare(String sql) throws SQLException {
        byte[] text = Scratch.utf8(sql);
        handle.call(this, (conn, s) -> Natives.twin_conn_prepare(conn, text, text.length, s.out, s.error));
        return new TwinStatement(Scratch.get().outLong(), this);
    }

    /** Runs a statement once for each row. */
    public BatchResult executeBatch(String sql, List<Object[]> rows) throws SQLException {
        try (TwinStatement statement = prepare(sql)) {
            return statement.executeBatch(rows);
        }
    }

    /** Opens a transaction. */
    public void begin() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_begin(conn, s.error));
    }

    /** Commits. Whatever it gives, the work is done and must not be repeated. */
    public TwinStatus commit() throws SQLException {
        return TwinStatus.of(handle.call(this, (conn, s) -> Natives.twin_conn_commit(conn, s.error)));
    }

    /** Rolls back. */
    public void rollback() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_rollback(conn, s.error));
    }

    /** Sets a savepoint. */
    public void savepoint(String name) throws SQLException {
        byte[] text = Scratch.utf8(name);
        handle.call(this, (conn, s) -> Natives.twin_conn_savepoint(conn, text, text.length, s.error));
    }

    /** Rolls back to a savepoint, which stays. */
    public void rollbackTo(String name) throws SQLException {
        byte[] text = Scratch.utf8(name);
        handle.call(this, (conn, s) -> Natives.twin_conn_rollback_to(conn, text, text.length, s.error));
    }

    /** Forgets a savepoint; the work since stays part of the transaction. */
    public void releaseSavepoint(String name) throws SQLException {
        byte[] text = Scratch.utf8(name);
        handle.call(this, (conn, s) -> Natives.twin_conn_release_savepoint(conn, text, text.length, s.error));
    }

    /** Whether a transaction is open. */
    public boolean inTransaction() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_in_transaction(conn, s.out, s.error));
        return Scratch.get().outInt() != 0;
    }

    /** With false the next statement opens a transaction, which lasts until commit or rollback. */
    public void setAutocommit(boolean on) throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_set_autocommit(conn, on ? 1 : 0, s.error));
    }

    public boolean autocommit() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_get_autocommit(conn, s.out, s.error));
        return Scratch.get().outInt() != 0;
    }

    public void setIsolation(Isolation level) throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_set_isolation(conn, level.ordinal() + 1, s.error));
    }

    public Isolation isolation() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_get_isolation(conn, s.out, s.error));
        return Isolation.values()[Scratch.get().outInt() - 1];
    }

    /** With true a statement that would write is refused. */
    public void setReadOnly(boolean on) throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_set_read_only(conn, on ? 1 : 0, s.error));
    }

    public boolean readOnly() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_get_read_only(conn, s.out, s.error));
        return Scratch.get().outInt() != 0;
    }

    /** Sets the schema (PostgreSQL) or database (MariaDB) that unqualified names mean. */
    public void setSchema(String name) throws SQLException {
        byte[] text = Scratch.utf8(name);
        handle.call(this, (conn, s) -> Natives.twin_conn_set_schema(conn, text, text.length, s.error));
    }

    public String schema() throws SQLException {
        try {
            return Scratch.get().text((buffer, capacity, length, error) ->
                    Natives.twin_conn_get_schema(handle.get(), buffer, capacity, length, error));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Says who or what the connection is for: told when it is suspected to have leaked. Cleared at release. */
    public void setLabel(String label) throws SQLException {
        byte[] text = Scratch.utf8(label);
        handle.call(this, (conn, s) -> Natives.twin_conn_set_label(conn, text, text.length, s.error));
    }

    /** Limits every following call to a database; null is what the option says, {@link TwinPool#FOREVER} no limit. */
    public void setNetworkTimeout(Duration timeout) throws SQLException {
        int limit = TwinPool.milliseconds(timeout);
        handle.call(this, (conn, s) -> Natives.twin_conn_set_network_timeout(conn, limit, s.error));
    }

    public Duration networkTimeout() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_get_network_timeout(conn, s.out, s.error));
        int limit = Scratch.get().outInt();
        return limit < 0 ? TwinPool.FOREVER : Duration.ofMillis(limit);
    }

    /** Asks the master whether it is there. */
    public boolean isValid(Duration timeout) throws SQLException {
        int limit = TwinPool.milliseconds(timeout);
        handle.call(this, (conn, s) -> Natives.twin_conn_is_valid(conn, limit, s.out, s.error));
        return Scratch.get().outInt() != 0;
    }

    /** Whether a transaction begun now goes to both databases directly. */
    public boolean isDirect() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_is_direct(conn, s.out, s.error));
        return Scratch.get().outInt() != 0;
    }

    public MirrorState mirrorState() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_mirror_state(conn, s.out, s.error));
        return MirrorState.of(Scratch.get().outInt());
    }

    /** The name of the status with which the last transaction ended. */
    public String lastOutcome() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_last_outcome(conn, s.out, s.error));
        return Failures.name(Scratch.get().outInt());
    }

    /** Keeps the keys that the database gives to inserted rows for {@link #generatedKey}, from the next INSERT on. */
    public void setGeneratedKeys(boolean on) throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_set_generated_keys(conn, on ? 1 : 0, s.error));
    }

    /** The key that the last INSERT got from the database; null if it got none. */
    public Long generatedKey() throws SQLException {
        int status = handle.call(this, (conn, s) -> Natives.twin_conn_generated_key(conn, s.out, s.error));
        return status == Natives.TWIN_OK ? Scratch.get().outLong() : null;
    }

    /** A token with which another thread can end a running statement. */
    public TwinCancel cancelToken() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_cancel_token(conn, s.out, s.error));
        return new TwinCancel(Scratch.get().outLong());
    }

    /** Gives the connection back: rolls back what is open, undoes the session's settings. */
    public void release() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_release(conn, s.error));
        handle.forget();
        parent = null;
    }

    /** Throws the connection away without waiting for the databases. Any thread, any time. */
    public void abort() throws SQLException {
        handle.call(this, (conn, s) -> Natives.twin_conn_abort(conn, s.error));
    }

    /** {@link #release}, unless that was done. */
    @Override
    public void close() throws SQLException {
        if (handle.get() != 0) {
            release();
        }
    }
}
