package org.twinpool;

/** States of the mirror: see docs/protocol.md. */
public enum MirrorState {
    IN_SYNC,
    QUEUEING,
    REPLAYING,
    DIVERGED,
    DETACHED;

    static MirrorState of(int number) {
        return values()[number - Natives.TWIN_MIRROR_IN_SYNC];
    }
}
