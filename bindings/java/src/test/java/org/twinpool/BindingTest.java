package org.twinpool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.SQLIntegrityConstraintViolationException;
import java.sql.SQLTimeoutException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is Java's own: what all hosts do alike is in tests/scenarios. */
class BindingTest {
    @TempDir
    Path folder;

    private TwinPool pool;
    private TwinConnection conn;

    private Map<String, Object> options() {
        Map<String, Object> options = new HashMap<>();
        options.put("master", "Driver=SQLite3;Database=" + folder.resolve("a.db"));
        options.put("mirror", "Driver=SQLite3;Database=" + folder.resolve("b.db"));
        options.put("pool.max", 2);
        options.put("pool.min", 0);
        return options;
    }

    @BeforeEach
    void open() throws SQLException {
        pool = TwinPool.open(options());
        conn = pool.acquire();
        conn.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)");
    }

    @AfterEach
    void close() throws SQLException {
        conn.close();
        pool.close();
    }

    private Object through(Object value) {
        BatchBlock block = new BatchBlock(List.of(new Object[] {value, 1}, new Object[] {null, 2}));
        Block found = new Block(block.address());
        assertEquals(2, found.rows);
        assertNull(found.get(1, 0));
        assertEquals(2L, found.get(1, 1));
        Object out = found.get(0, 0);
        java.lang.ref.Reference.reachabilityFence(block);
        return out;
    }

    @Test
    void aValueThatGoesIntoABlockComesOutOfItUnchanged() {
        Object[] values = {
            null, true, Long.MIN_VALUE, Long.MAX_VALUE, 0.1, Double.NEGATIVE_INFINITY, new BigDecimal("-12.50"), "",
            "Säge 😀\0x", LocalDate.of(-44, 3, 15), LocalTime.of(23, 59, 58, 7), Duration.ofHours(-838),
            LocalDateTime.of(9999, 12, 31, 23, 59, 59, 999999999), UUID.fromString("01234567-89ab-cdef-0123-456789abcdef"),
        };
        for (Object value : values) {
            assertEquals(value, through(value));
        }
        assertArrayEquals(new byte[] {0, -1}, (byte[]) through(new byte[] {0, -1}));
        assertEquals(new BigDecimal(BigInteger.TWO.pow(80)), through(BigInteger.TWO.pow(80)));
    }

    @Test
    void aBatchOfMixedTypesIsRefused() {
        assertThrows(IllegalArgumentException.class,
                () -> new BatchBlock(List.of(new Object[] {1}, new Object[] {"x"})));
        assertThrows(IllegalArgumentException.class,
                () -> new BatchBlock(List.of(new Object[] {1}, new Object[] {1, 2})));
        assertThrows(IllegalArgumentException.class, () -> conn.execute("SELECT ?", new Object()));
    }

    @Test
    void rowsAreReadWithGettersAndAllAtOnce() throws SQLException {
        List<Object[]> rows = new ArrayList<>();
        for (long i = 0; i < 2500; i++) {
            rows.add(new Object[] {i, "n" + i});
        }
        assertTrue(conn.executeBatch("INSERT INTO t(id, name) VALUES (?, ?)", rows).errors().isEmpty());
        try (TwinRows found = conn.execute("SELECT id, name FROM t ORDER BY id")) {
            assertEquals(List.of("id", "name"), found.columns().stream().map(TwinColumn::name).toList());
            assertThrows(SQLException.class, () -> found.get(1));
            assertTrue(found.next());
            assertEquals(0, found.getLong(1));
            assertEquals("n0", found.getString(2));
            assertThrows(SQLException.class, () -> found.getLong(2));
            assertThrows(SQLException.class, () -> found.get(3));
            assertEquals(2499, found.all().size());
            assertFalse(found.next());
        }
    }

    @Test
    void errorsAreJavasOwnAndCarryWhatTheDriverSaid() throws SQLException {
        conn.execute("INSERT INTO t(id) VALUES (1)");
        SQLIntegrityConstraintViolationException error = assertThrows(SQLIntegrityConstraintViolationException.class,
                () -> conn.execute("INSERT INTO t(id) VALUES (1)"));
        assertEquals("HY000", error.getSQLState());
        assertEquals(19, error.getErrorCode());
        Details details = assertInstanceOf(TwinFailure.class, error).details();
        assertEquals("TWIN_ERR_DATABASE", details.name());
        assertEquals(Side.MASTER, details.side());
        assertFalse(details.retryable() || details.outcomeUnknown());
        assertEquals("SQLExecute", details.records().get(0).function());
    }

    @Test
    void anExhaustedPoolIsATimeoutOfJdbc() throws SQLException {
        try (TwinConnection other = pool.acquire()) {
            SQLTimeoutException error =
                    assertThrows(SQLTimeoutException.class, () -> pool.acquire(Duration.ofMillis(10)));
            assertTrue(error.getMessage().contains("active 2"), error.getMessage());
        }
    }

    @Test
    void theSettingsOfAConnectionAreReadBack() throws SQLException {
        conn.setIsolation(TwinConnection.Isolation.SERIALIZABLE);
        assertEquals(TwinConnection.Isolation.SERIALIZABLE, conn.isolation());
        conn.setNetworkTimeout(Duration.ofMillis(2500));
        assertEquals(Duration.ofMillis(2500), conn.networkTimeout());
        conn.setNetworkTimeout(TwinPool.FOREVER);
        assertEquals(TwinPool.FOREVER, conn.networkTimeout());
        conn.setLabel("nightly");
        conn.setLabel("");
        conn.setReadOnly(true);
        assertTrue(conn.readOnly());
        conn.setReadOnly(false);
        conn.setAutocommit(false);
        assertFalse(conn.autocommit());
        conn.setAutocommit(true);
    }

    @Test
    void aStreamThatFailsIsTheCauseOfTheError() throws SQLException {
        InputStream broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("broken");
            }
        };
        try (TwinStatement statement = conn.prepare("INSERT INTO t(id, name) VALUES (1, ?)")) {
            statement.bindStream(1, broken, true);
            SQLException error = assertThrows(SQLException.class, statement::execute);
            assertInstanceOf(IOException.class, error.getCause());
        }
    }

    @Test
    void aLargeValueIsReadInPiecesWhileItsRowIsTheCurrentOne() throws SQLException, IOException {
        String large = "Säge 😀 ".repeat(200_000);
        conn.execute("INSERT INTO t(id, name) VALUES (1, ?), (2, ''), (3, NULL)", large);
        try (TwinRows rows = conn.execute("SELECT id, name FROM t ORDER BY id")) {
            assertThrows(SQLException.class, () -> rows.stream(2));
            rows.next();
            assertThrows(SQLException.class, () -> rows.stream(3));
            String read = new String(rows.stream(2).readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(large.equals(read), () -> read.length() + " characters");
            InputStream first = rows.stream(2);
            byte[] some = new byte[10];
            assertEquals(0, first.read(some, 0, 0));
            assertEquals('S', first.read());
            assertEquals(5, first.read(some, 2, 5));
            assertEquals("\0\0äge ", new String(some, 0, 7, StandardCharsets.UTF_8));
            assertThrows(IndexOutOfBoundsException.class, () -> first.read(some, 8, 5));
            assertTrue(large.equals(rows.getString(2)));
            InputStream number = rows.stream(1);
            assertThrows(IOException.class, number::read);
            rows.next();
            assertThrows(IOException.class, first::read);
            assertEquals(-1, rows.stream(2).read());
            rows.next();
            assertNull(rows.stream(2));
            InputStream last = rows.stream(1);
            rows.close();
            assertThrows(IOException.class, last::read);
        }
    }

    @Test
    void objectsThatNobodyHoldsAreFreedInWhateverOrder() throws Exception {
        long before = TwinPool.liveHandles();
        TwinRows rows = orphan();
        collect(before + 3);
        assertEquals(2, rows.all().size());
        rows = null;
        assertTrue(collect(before), () -> "handles are left");
    }

    private TwinRows orphan() throws SQLException {
        Map<String, Object> options = options();
        options.put("name", "orphan");
        TwinPool other = TwinPool.open(options);
        other.listen(event -> {});
        return other.acquire().execute("SELECT 1 UNION SELECT 2");
    }

    private static boolean collect(long wanted) throws Exception {
        for (int i = 0; i < 200 && TwinPool.liveHandles() > wanted; i++) {
            System.gc();
            Thread.sleep(20);
        }
        return TwinPool.liveHandles() <= wanted;
    }

    @Test
    void eventsAndLogRecordsReachJavaAndAnExceptionInThemHurtsNobody() throws SQLException {
        List<TwinEvent> events = new CopyOnWriteArrayList<>();
        List<String> records = new CopyOnWriteArrayList<>();
        TwinLog.listen(TwinLog.Level.TRACE, (level, target, text) -> records.add(target + text));
        pool.listen(event -> {
            events.add(event);
            throw new IllegalStateException("expected: thrown by a listener in a test");
        });
        pool.detach();
        conn.execute("INSERT INTO t(id) VALUES (1)");
        pool.attach();
        pool.replay(Duration.ofSeconds(20), (done, left) -> {});
        pool.listen(null);
        TwinLog.listen(TwinLog.Level.OFF, null);
        assertFalse(events.isEmpty());
        assertFalse(records.isEmpty());
        assertSame(MirrorState.IN_SYNC, pool.status().mirrorState());
    }

    @Test
    void optionsComeAsAMapALineOrAFile() throws SQLException, IOException {
        Path file = folder.resolve("pair.toml");
        Files.writeString(file, "[master]\nconnection = \"" + options().get("master") + "\"\n[mirror]\nconnection = \""
                + options().get("mirror") + "\"\n[pool]\nmax = 3\n");
        try (TwinPool other = TwinPool.open(file)) {
            assertEquals("3", other.get("pool.max"));
        }
        String line = "pool.max=4;master={" + options().get("master") + "};mirror={" + options().get("mirror") + "}";
        try (TwinPool other = TwinPool.open(line)) {
            assertEquals("4", other.get("pool.max"));
            assertEquals(4, other.metrics().get("max").intValue());
        }
        assertThrows(SQLException.class, () -> TwinPool.open(Map.of("pool.maxx", "1")));
    }

    @Test
    void aLibraryInTheJarIsFoundWithoutBeingNamed() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        ProcessBuilder builder = new ProcessBuilder(java, "-cp", System.getProperty("java.class.path"),
                "org.twinpool.VersionOfTheJar");
        builder.environment().remove("TWINPOOL_LIBRARY");
        Process process = builder.redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), text);
        assertEquals(TwinPool.libraryVersion(), text.strip());
    }
}
