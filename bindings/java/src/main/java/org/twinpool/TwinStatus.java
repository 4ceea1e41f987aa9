package org.twinpool;

/** How a statement or a transaction ended well. */
public enum TwinStatus {
    /** On both databases. */
    OK,
    /** On the master, and the mirror follows. The work is done: never repeat it. */
    QUEUED;

    static TwinStatus of(int status) {
        return status == Natives.TWIN_QUEUED ? QUEUED : OK;
    }
}
