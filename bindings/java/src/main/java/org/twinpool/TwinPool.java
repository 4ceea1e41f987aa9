package org.twinpool;

import java.lang.ref.Reference;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * A pair of databases and the connections to them. Any thread, any time.
 *
 * <pre>{@code
 * try (TwinPool pool = TwinPool.open(Map.of("master", "Driver=SQLite3;Database=a.db",
 *                                           "mirror", "Driver=SQLite3;Database=b.db"));
 *      TwinConnection conn = pool.acquire()) {
 *     conn.execute("INSERT INTO item(id, name) VALUES (?, ?)", 1, "bolt");
 * }
 * }</pre>
 *
 * <p>A timeout that is null is what the option says.
 */
public final class TwinPool implements AutoCloseable {
    /** As a timeout: as long as it takes. */
    public static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

    /** Hears of the progress of a replay. */
    @FunctionalInterface
    public interface ReplayProgress {
        void entries(long done, long left);
    }

    /** Hears of the progress of a comparison. */
    @FunctionalInterface
    public interface VerifyProgress {
        void rows(String table, long rows);
    }

    private final Handle handle;
    /** What the library calls: held by the handle's own clean-up, for it may be called until the pool is freed. */
    private final AtomicReference<Callbacks.Event> listener;

    private TwinPool(long pool) {
        AtomicReference<Callbacks.Event> kept = new AtomicReference<>();
        listener = kept;
        handle = Handle.of(this, pool, value -> {
            Natives.twin_pool_free(value);
            kept.set(null);
        });
    }

    /** Opens a pool with the options of docs/configuration.md. */
    public static TwinPool open(Map<String, ?> options) throws SQLException {
        return open((made, s) -> {
            int status = Natives.TWIN_OK;
            for (Map.Entry<String, ?> option : options.entrySet()) {
                byte[] key = Scratch.utf8(option.getKey());
                byte[] value = Scratch.utf8(String.valueOf(option.getValue()));
                status = Natives.twin_options_set(made, key, key.length, value, value.length, s.error);
                if (status < 0) {
                    break;
                }
            }
            return status;
        });
    }

    /** Opens a pool with the options of one line: {@code pool.max=8;master={…}}. */
    public static TwinPool open(String options) throws SQLException {
        byte[] line = Scratch.utf8(options);
        return open((made, s) -> Natives.twin_options_parse(made, line, line.length, s.error));
    }

    /** Opens a pool with the options of a TOML file, over which those of the environment win. */
    public static TwinPool open(Path file) throws SQLException {
        byte[] path = Scratch.utf8(file.toString());
        return open((made, s) -> {
            int status = Natives.twin_options_load(made, path, path.length, s.error);
            return status < 0 ? status : Natives.twin_options_load_env(made, s.error);
        });
    }

    private static TwinPool open(Handle.Call options) throws SQLException {
        Library.load();
        Scratch s = Scratch.get();
        Failures.check(Natives.twin_options_new(s.out, s.error), s);
        long made = s.outLong();
        try {
            Failures.check(options.run(made, s), s);
            Failures.check(Natives.twin_pool_open(made, s.out, s.error), s);
            return new TwinPool(s.outLong());
        } finally {
            Natives.twin_options_free(made);
        }
    }

    static int milliseconds(Duration timeout) {
        if (timeout == null) {
            return Natives.TWIN_WAIT_DEFAULT;
        } else if (timeout.equals(FOREVER)) {
            return Natives.TWIN_WAIT_FOREVER;
        } else if (timeout.isNegative()) {
            throw new IllegalArgumentException("a timeout is not negative");
        }
        return (int) Math.min(timeout.toMillis(), Integer.MAX_VALUE);
    }

    /** Takes a connection that reads and writes, waiting for one as long as the option says. */
    public TwinConnection acquire() throws SQLException {
        return acquire(Natives.TWIN_ACCESS_WRITE, Natives.TWIN_WAIT_DEFAULT);
    }

    /** Takes a connection that reads and writes, waiting at most so long for one. */
    public TwinConnection acquire(Duration timeout) throws SQLException {
        return acquire(Natives.TWIN_ACCESS_WRITE, milliseconds(timeout));
    }

    /** Takes a connection for queries only. */
    public TwinConnection acquireReader(Duration timeout) throws SQLException {
        return acquire(Natives.TWIN_ACCESS_READ, milliseconds(timeout));
    }

    private TwinConnection acquire(int access, int timeout) throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_acquire(pool, access, timeout, s.out, s.error));
        return new TwinConnection(Scratch.get().outLong(), this);
    }

    /** What the pool knows; never waits for a database. */
    public PoolStatus status() throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_status(
                pool, s.clear(Natives.TwinPoolInfo.LENGTH).putInt(0, Natives.TwinPoolInfo.LENGTH).structure, s.error));
        return PoolStatus.of(Scratch.get());
    }

    /** Why the mirror is in its state; empty while it is in step. */
    public String reason() throws SQLException {
        return text((buffer, capacity, length, error) ->
                Natives.twin_pool_reason(handle.get(), buffer, capacity, length, error));
    }

    /** Why the last attempt to reach the mirror or to catch it up failed; empty if it did not. */
    public String lastError() throws SQLException {
        return text((buffer, capacity, length, error) ->
                Natives.twin_pool_last_error(handle.get(), buffer, capacity, length, error));
    }

    /** The effective value of an option, secrets masked. */
    public String get(String key) throws SQLException {
        byte[] name = Scratch.utf8(key);
        return text((buffer, capacity, length, error) ->
                Natives.twin_pool_get(handle.get(), name, name.length, buffer, capacity, length, error));
    }

    private String text(Scratch.TextCall call) throws SQLException {
        try {
            return Scratch.get().text(call);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The pool's figures by name; times in microseconds. */
    public Map<String, Number> metrics() throws SQLException {
        com.sun.jna.Memory memory = new com.sun.jna.Memory(Natives.TwinMetrics.LENGTH);
        memory.clear();
        memory.setInt(0, Natives.TwinMetrics.LENGTH);
        handle.call(this, (pool, s) ->
                Natives.twin_pool_metrics(pool, com.sun.jna.Pointer.nativeValue(memory), s.error));
        Map<String, Number> figures = new java.util.LinkedHashMap<>();
        for (String field : Natives.TwinMetrics.FIELDS) {
            String[] parts = field.split(" ");
            int at = Integer.parseInt(parts[2]);
            Number figure = parts[1].equals("double") ? memory.getDouble(at)
                    : parts[1].equals("long") ? memory.getLong(at) : (Number) memory.getInt(at);
            figures.put(parts[0], figure);
        }
        figures.remove("struct_size");
        return figures;
    }

    /** The same as text for Prometheus, histograms included. */
    public String metricsText() throws SQLException {
        return text((buffer, capacity, length, error) ->
                Natives.twin_pool_metrics_text(handle.get(), buffer, capacity, length, error));
    }

    /** Changes a live option. */
    public void set(String key, String value) throws SQLException {
        byte[] name = Scratch.utf8(key);
        byte[] text = Scratch.utf8(value);
        handle.call(this, (pool, s) ->
                Natives.twin_pool_set(pool, name, name.length, text, text.length, s.error));
    }

    /** Reads the pair's state from the master now. */
    public void refresh() throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_refresh(pool, s.error));
    }

    /** Closes the idle connections; those that are out are closed when they come back. */
    public void evict() throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_evict(pool, s.error));
    }

    /** Holds the pool: who acquires waits for {@link #resume}, or fails at once. */
    public void suspend(boolean failFast) throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_suspend(pool, failFast ? 1 : 0, s.error));
    }

    /** Ends {@link #suspend}. */
    public void resume() throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_resume(pool, s.error));
    }

    /** Switches the mirror off on purpose; commits go on and are queued. */
    public void detach() throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_detach(pool, s.error));
    }

    /** Switches the mirror on again; the queue is replayed in the background. */
    public void attach() throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_attach(pool, s.error));
    }

    /** Waits until the queue is replayed and the pair in step. The progress may be null. */
    public void replay(Duration timeout, ReplayProgress progress) throws SQLException {
        int limit = milliseconds(timeout);
        Callbacks.Replay callback = progress == null
                ? null
                : (done, left, user) -> Callbacks.guarded(() -> progress.entries(done, left));
        handle.call(this, (pool, s) ->
                Natives.twin_pool_replay(pool, limit, Callbacks.address(callback), 0, s.error));
        Reference.reachabilityFence(callback);
    }

    /**
     * Compares all tables: table_name, master_rows, mirror_rows, different, examples for each. The progress may be
     * null.
     */
    public TwinRows verify(VerifyProgress progress) throws SQLException {
        Callbacks.Verify callback = progress == null
                ? null
                : (table, length, rows, user) ->
                        Callbacks.guarded(() -> progress.rows(Callbacks.text(table, length), rows));
        TwinRows rows = rows((pool, s) ->
                Natives.twin_pool_verify(pool, Callbacks.address(callback), 0, s.out, s.error));
        Reference.reachabilityFence(callback);
        return rows;
    }

    /** The first entries of the queue: id, pool, slot, seq, parts, created_at, statements, bytes, summary. */
    public TwinRows queueList(long limit) throws SQLException {
        return rows((pool, s) -> Natives.twin_pool_queue_list(pool, limit, s.out, s.error));
    }

    /** The statements of an entry, values included. */
    public TwinRows queueShow(long entry) throws SQLException {
        return rows((pool, s) -> Natives.twin_pool_queue_show(pool, entry, s.out, s.error));
    }

    /** Moves an entry out of the queue, so that it is not replayed. */
    public void queueSkip(long entry) throws SQLException {
        handle.call(this, (pool, s) -> Natives.twin_pool_queue_skip(pool, entry, s.error));
    }

    private TwinRows rows(Handle.Call call) throws SQLException {
        int status = handle.call(this, call);
        return new TwinRows(Scratch.get().outLong(), this, status, -1);
    }

    /**
     * Names who hears of events, from a thread of the library; null ends it. It must not use the pool but for
     * {@link #status}, {@link #reason}, {@link #lastError} and {@link #get}.
     */
    public void listen(Consumer<TwinEvent> consumer) throws SQLException {
        Callbacks.Event next = consumer == null ? null : Callbacks.event(consumer);
        handle.call(this, (pool, s) -> Natives.twin_pool_listen(pool, Callbacks.address(next), 0, s.error));
        // Only now: until the call returned, the one before may have been running.
        listener.set(next);
    }

    /** Refuses new connections, waits for those that are out, and closes all. */
    public void close(Duration timeout) throws SQLException {
        int limit = milliseconds(timeout);
        handle.call(this, (pool, s) -> Natives.twin_pool_close(pool, limit, s.error));
    }

    /** {@link #close(Duration)}, waiting as long as the option says. More than once is fine. */
    @Override
    public void close() throws SQLException {
        close(null);
    }

    /** How many of the library's handles are live in this process. For leak tests. */
    public static long liveHandles() throws SQLException {
        Library.load();
        return Natives.twin_debug_live_handles();
    }

    /** The version of the shared library. */
    public static String libraryVersion() throws SQLException {
        Library.load();
        return Failures.text(Natives.twin_version());
    }

    /** The number of the library's C interface. */
    public static int abiVersion() throws SQLException {
        Library.load();
        return Natives.twin_abi_version();
    }
}
