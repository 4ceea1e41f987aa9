package org.twinpool.peers;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.locks.LockSupport;

/**
 * Acquire and release in HikariCP with connections that do nothing, in the shapes of benches/pool/cycle.c. A line
 * "figure NAME VALUE" for each. SECONDS_EACH (default 2): how long each measurement takes, after as long to warm up.
 */
public final class Hikari {
    private static final int[][] SHAPES = {{8, 10}, {64, 10}, {64, 32}, {400, 50}};
    private static final int MOST_SAMPLES = 200_000;
    private static volatile boolean stop;

    private static final class Worker extends Thread {
        private final HikariDataSource pool;
        private final long hold;
        private final CyclicBarrier together;
        private long cycles;
        /** Times to acquire in nanoseconds, only with a hold. */
        private final long[] samples;

        Worker(HikariDataSource pool, long hold, CyclicBarrier together) {
            this.pool = pool;
            this.hold = hold;
            this.together = together;
            samples = new long[hold == 0 ? 0 : MOST_SAMPLES];
        }

        @Override
        public void run() {
            long done = 0;
            try {
                together.await();
                while (!stop) {
                    if (hold == 0) {
                        pool.getConnection().close();
                    } else {
                        long start = System.nanoTime();
                        Connection connection = pool.getConnection();
                        if (done < MOST_SAMPLES) {
                            samples[(int) done] = System.nanoTime() - start;
                        }
                        LockSupport.parkNanos(hold);
                        connection.close();
                    }
                    done++;
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            cycles = done;
        }
    }

    /** Cycles a second of all threads; with a hold, the microseconds that 999 of 1,000 acquires did not exceed. */
    private static double measure(HikariDataSource pool, int threads, long hold, double seconds) throws Exception {
        CyclicBarrier together = new CyclicBarrier(threads + 1);
        Worker[] workers = new Worker[threads];
        stop = false;
        for (int i = 0; i < threads; i++) {
            workers[i] = new Worker(pool, hold, together);
            workers[i].start();
        }
        // Before the others set off: on few processors they may work for long before this thread goes on.
        long start = System.nanoTime();
        together.await();
        Thread.sleep((long) (seconds * 1000));
        stop = true;
        double elapsed = (System.nanoTime() - start) / 1e9;
        long cycles = 0;
        for (Worker worker : workers) {
            worker.join();
            cycles += worker.cycles;
        }
        if (hold == 0) {
            return cycles / elapsed;
        }
        long[] all = Arrays.stream(workers)
                .flatMapToLong(w -> Arrays.stream(w.samples, 0, (int) Math.min(w.cycles, MOST_SAMPLES)))
                .sorted()
                .toArray();
        return all.length == 0 ? 0 : all[all.length - 1 - all.length / 1000] / 1e3;
    }

    /** What others do on the machine only takes away; the first runs are compiled by the way. */
    private static double best(HikariDataSource pool, int threads, double seconds) throws Exception {
        measure(pool, threads, 0, seconds);
        double most = 0;
        for (int i = 0; i < 3; i++) {
            most = Math.max(most, measure(pool, threads, 0, seconds / 3));
        }
        return most;
    }

    private static HikariDataSource open(int connections) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(new NoDataSource());
        config.setMaximumPoolSize(connections);
        config.setConnectionTimeout(60_000);
        HikariDataSource pool = new HikariDataSource(config);
        while (pool.getHikariPoolMXBean().getTotalConnections() < connections) {
            LockSupport.parkNanos(1_000_000);
        }
        return pool;
    }

    private static void figure(String name, double value, int digits) {
        System.out.printf(Locale.ROOT, "figure hikaricp_%s %." + digits + "f%n", name, value);
    }

    public static void main(String[] args) throws Exception {
        String each = System.getenv("SECONDS_EACH");
        double seconds = each == null ? 2 : Double.parseDouble(each);
        try (HikariDataSource pool = open(10)) {
            double rate = best(pool, 1, seconds);
            figure("cycle_ns_1_thread_10_sessions", 1e9 / rate, 1);
            figure("cycle_millions_1_thread_10_sessions", rate / 1e6, 3);
        }
        for (int[] shape : SHAPES) {
            try (HikariDataSource pool = open(shape[1])) {
                double rate = best(pool, shape[0], seconds);
                figure("cycle_millions_" + shape[0] + "_threads_" + shape[1] + "_sessions", rate / 1e6, 3);
            }
        }
        try (HikariDataSource pool = open(10)) {
            measure(pool, 64, 100_000, seconds);
            double tail = measure(pool, 64, 100_000, seconds);
            figure("acquire_p999_us_64_threads_10_sessions_held_100_us", tail, 0);
        }
    }
}
