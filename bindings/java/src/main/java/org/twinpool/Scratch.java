package org.twinpool;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Memory for what a call writes, one for each thread: making it anew for each call would cost more than the call. */
final class Scratch {
    private static final ThreadLocal<Scratch> OWN = ThreadLocal.withInitial(Scratch::new);
    private static final int ERROR = 0;
    private static final int OUT = 8;
    private static final int SECOND = 16;
    private static final int STRUCTURE = 32;

    private final ByteBuffer memory = ByteBuffer.allocateDirect(512).order(ByteOrder.nativeOrder());

    /** Where the error goes, the first output, the second one, and a structure. */
    final long error = Pointer.nativeValue(Native.getDirectBufferPointer(memory));

    final long out = error + OUT;
    final long second = error + SECOND;
    final long structure = error + STRUCTURE;

    private Scratch() {}

    static Scratch get() {
        return OWN.get();
    }

    long takeError() {
        long handle = memory.getLong(ERROR);
        memory.putLong(ERROR, 0);
        return handle;
    }

    long outLong() {
        return memory.getLong(OUT);
    }

    int outInt() {
        return memory.getInt(OUT);
    }

    long secondLong() {
        return memory.getLong(SECOND);
    }

    int secondInt() {
        return memory.getInt(SECOND);
    }

    /** A structure of `size` bytes, all 0. */
    Scratch clear(int size) {
        for (int i = 0; i < size; i++) {
            memory.put(STRUCTURE + i, (byte) 0);
        }
        return this;
    }

    Scratch putInt(int at, int value) {
        memory.putInt(STRUCTURE + at, value);
        return this;
    }

    Scratch putShort(int at, int value) {
        memory.putShort(STRUCTURE + at, (short) value);
        return this;
    }

    Scratch putByte(int at, int value) {
        memory.put(STRUCTURE + at, (byte) value);
        return this;
    }

    int getInt(int at) {
        return memory.getInt(STRUCTURE + at);
    }

    long getLong(int at) {
        return memory.getLong(STRUCTURE + at);
    }

    /** A function that copies a text into a buffer. */
    interface TextCall {
        int run(byte[] buffer, long capacity, long length, long error);
    }

    /** What such a function gives, however long it is. */
    String text(TextCall call) throws java.sql.SQLException {
        byte[] buffer = new byte[256];
        int status = call.run(buffer, buffer.length, out, error);
        while (status == Natives.TWIN_ERR_BUFFER) {
            Natives.twin_error_free(takeError());
            buffer = new byte[(int) outLong() + 1];
            status = call.run(buffer, buffer.length, out, error);
        }
        Failures.check(status, this);
        return new String(buffer, 0, (int) outLong(), StandardCharsets.UTF_8);
    }

    /** Text as the library wants it. */
    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
