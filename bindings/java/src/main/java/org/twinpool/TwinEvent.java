package org.twinpool;

/**
 * News of a pair.
 *
 * @param kind what happened
 * @param done entries replayed, of {@code REPLAY}
 * @param left entries left, of {@code REPLAY}
 * @param text one line; empty where the kind says it all
 */
public record TwinEvent(Kind kind, long done, long left, String text) {
    /** Kinds of events. */
    public enum Kind {
        MIRROR_LOST,
        MIRROR_BACK,
        REPLAY,
        DIVERGED,
        LEAK_SUSPECTED
    }

    static TwinEvent of(com.sun.jna.Pointer event) {
        Kind kind = Kind.values()[event.getInt(Natives.TwinEvent.KIND) - Natives.TWIN_EVENT_MIRROR_LOST];
        long length = event.getLong(Natives.TwinEvent.TEXT_LEN);
        com.sun.jna.Pointer text = event.getPointer(Natives.TwinEvent.TEXT);
        byte[] bytes = text == null ? new byte[0] : text.getByteArray(0, (int) length);
        return new TwinEvent(kind, event.getLong(Natives.TwinEvent.DONE), event.getLong(Natives.TwinEvent.LEFT),
                new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
    }
}
