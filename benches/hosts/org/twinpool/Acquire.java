package org.twinpool;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.util.Arrays;
import java.util.Map;

/** Acquire and release from Java: Acquire BARE-LIBRARY FOLDER. The native layer against two calls that do nothing. */
final class Acquire {
    private static final int ROUNDS = 15;
    private static final int CALLS = 100_000;

    /** Functions with the same signatures. */
    static final class Bare {
        static native int bare_acquire(long pool, int access, int timeout, long out, long err);

        static native int bare_release(long conn, long err);
    }

    private interface Body {
        void run() throws Exception;
    }

    private static double timed(Body body) throws Exception {
        long start = System.nanoTime();
        body.run();
        return (System.nanoTime() - start) / (double) CALLS;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    public static void main(String[] arguments) throws Exception {
        Native.register(Bare.class, NativeLibrary.getInstance(arguments[0]));
        String driver = "Driver=SQLite3;Database=" + arguments[1];
        try (TwinPool pool = TwinPool.open(
                Map.of("master", driver + "/java-a.db", "mirror", driver + "/java-b.db", "pool.max", 1))) {
            measure(pool);
        }
    }

    private static void measure(TwinPool pool) throws Exception {
        Scratch s = Scratch.get();
        java.lang.reflect.Field field = TwinPool.class.getDeclaredField("handle");
        field.setAccessible(true);
        long handle = ((Handle) field.get(pool)).get();
        Body nativeLayer = () -> {
            for (int i = 0; i < CALLS; i++) {
                Natives.twin_pool_acquire(handle, 0, -1, s.out, s.error);
                Natives.twin_conn_release(s.outLong(), s.error);
            }
        };
        Body nothing = () -> {
            for (int i = 0; i < CALLS; i++) {
                Bare.bare_acquire(handle, 0, -1, s.out, s.error);
                Bare.bare_release(s.outLong(), s.error);
            }
        };
        Body objects = () -> {
            for (int i = 0; i < CALLS; i++) {
                pool.acquire().release();
            }
        };
        double[] ours = new double[ROUNDS];
        double[] bare = new double[ROUNDS];
        double[] layer = new double[ROUNDS];
        double[] ratio = new double[ROUNDS];
        for (int warm = 0; warm < 3; warm++) {
            timed(nativeLayer);
            timed(nothing);
            timed(objects);
        }
        // Taken in turns, so that a busy moment of the machine falls on all.
        for (int i = 0; i < ROUNDS; i++) {
            ours[i] = timed(nativeLayer);
            bare[i] = timed(nothing);
            layer[i] = timed(objects);
            ratio[i] = ours[i] / bare[i];
        }
        System.out.printf("figure hosts_java_native_ns %.0f%n", median(ours));
        System.out.printf("figure hosts_java_bare_ns %.0f%n", median(bare));
        System.out.printf("figure hosts_java_objects_ns %.0f%n", median(layer));
        System.out.printf("ratio hosts_java_acquire %.2f goal <= 1.3%n", median(ratio));
    }
}
