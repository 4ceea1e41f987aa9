package org.twinpool;

import java.lang.ref.Reference;
import java.sql.SQLException;

/** The library's log, for the whole process. */
public final class TwinLog {
    /** How important a record is. */
    public enum Level {
        OFF,
        ERROR,
        WARN,
        INFO,
        DEBUG,
        TRACE
    }

    /** Hears of records, from any thread that is inside the library. */
    @FunctionalInterface
    public interface Listener {
        /** A record: its level, where it comes from, e.g. {@code twin::pool}, and its text. */
        void record(Level level, String target, String text);
    }

    private static Callbacks.Log current;

    private TwinLog() {}

    /** Names the listener, up to a level; null ends it. It replaces the one before. */
    public static synchronized void listen(Level level, Listener listener) throws SQLException {
        Library.load();
        Callbacks.Log next = listener == null
                ? null
                : (number, target, targetLen, text, textLen, user) -> Callbacks.guarded(() -> listener.record(
                        Level.values()[number], Callbacks.text(target, targetLen), Callbacks.text(text, textLen)));
        Scratch s = Scratch.get();
        Failures.check(Natives.twin_log_listen(level.ordinal(), Callbacks.address(next), 0, s.error), s);
        // Only now: until the call returned, the one before may have been running.
        Reference.reachabilityFence(current);
        current = next;
    }
}
