package org.twinpool;

import java.sql.SQLException;

/** Ends a running statement of its connection from another thread. It may outlive the connection. */
public final class TwinCancel implements AutoCloseable {
    private final Handle handle;

    TwinCancel(long token) {
        handle = Handle.of(this, token, Natives::twin_cancel_free);
    }

    /** Asks for the running statement to be stopped; does nothing when none runs, and does not wait. */
    public void request() throws SQLException {
        handle.call(this, (cancel, s) -> Natives.twin_cancel_request(cancel, s.error));
    }

    @Override
    public void close() {
        handle.run();
    }
}
