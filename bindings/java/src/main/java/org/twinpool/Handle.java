package org.twinpool;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * A handle of the library, freed once: by its owner's close, or when nobody holds the owner any more. Knows nothing of
 * its owner, or that would never happen.
 */
final class Handle implements Runnable {
    private static final Cleaner CLEANER = Cleaner.create();

    private final AtomicLong value;
    private final LongConsumer free;

    private Handle(long value, LongConsumer free) {
        this.value = new AtomicLong(value);
        this.free = free;
    }

    static Handle of(Object owner, long value, LongConsumer free) {
        Handle handle = new Handle(value, free);
        CLEANER.register(owner, handle);
        return handle;
    }

    /** The handle; 0, which the library refuses, after it ended. */
    long get() {
        return value.get();
    }

    /** Ends without freeing: the library has taken it back. */
    void forget() {
        value.set(0);
    }

    @Override
    public void run() {
        long last = value.getAndSet(0);
        if (last != 0) {
            free.accept(last);
        }
    }

    /** A call of the library on this handle. */
    interface Call {
        int run(long handle, Scratch scratch);
    }

    /** Runs a call, and keeps the owner from being cleaned up meanwhile. */
    int call(Object owner, Call call) throws SQLException {
        try {
            Scratch scratch = Scratch.get();
            return Failures.check(call.run(value.get(), scratch), scratch);
        } finally {
            Reference.reachabilityFence(owner);
        }
    }
}
