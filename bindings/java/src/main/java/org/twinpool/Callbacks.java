package org.twinpool;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.function.Consumer;

/**
 * Functions that the library calls. A callback must be held as long as the library may call it. No exception may pass
 * into the library: it goes to the thread's handler of uncaught exceptions.
 */
final class Callbacks {
    private Callbacks() {}

    interface Event extends Callback {
        void invoke(Pointer event, Pointer user);
    }

    interface Replay extends Callback {
        void invoke(long done, long left, Pointer user);
    }

    interface Verify extends Callback {
        void invoke(Pointer table, long tableLen, long rows, Pointer user);
    }

    interface Read extends Callback {
        long invoke(Pointer buffer, long capacity, Pointer user);
    }

    interface Log extends Callback {
        void invoke(int level, Pointer target, long targetLen, Pointer text, long textLen, Pointer user);
    }

    static Event event(Consumer<TwinEvent> listener) {
        Event callback = (event, user) -> guarded(() -> listener.accept(TwinEvent.of(event)));
        // The library's thread stays known to the machine: attaching it for each event would be dear.
        Native.setCallbackThreadInitializer(callback, new CallbackThreadInitializer(true, false, "twinpool"));
        return callback;
    }

    /** The address that the library calls; 0 for none. */
    static long address(Callback callback) {
        return callback == null ? 0 : Pointer.nativeValue(CallbackReference.getFunctionPointer(callback));
    }

    static String text(Pointer text, long length) {
        return length == 0
                ? ""
                : new String(text.getByteArray(0, (int) length), java.nio.charset.StandardCharsets.UTF_8);
    }

    static void guarded(Runnable body) {
        try {
            body.run();
        } catch (Throwable error) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, error);
        }
    }
}
