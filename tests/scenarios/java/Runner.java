import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.twinpool.*;

/** The Java runner: takes commands of scenarios on standard input and answers on standard output. */
public final class Runner {
    private final Map<String, Object> objects = new ConcurrentHashMap<>();
    private final Map<String, Set<String>> heard = new ConcurrentHashMap<>();
    private final Map<String, Thread> threads = new ConcurrentHashMap<>();
    private final Map<String, List<String>> answers = new ConcurrentHashMap<>();
    private volatile String message = "";

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try {
            TwinPool.abiVersion();
        } catch (SQLException error) {
            out.println(error.getMessage());
            System.exit(1);
        }
        out.println("= ready");
        Runner runner = new Runner();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(String.join("\n", runner.answer(line)));
        }
    }

    // Values as the text of a scenario, and back.

    private static String clock(long hour, long minute, long second, long nanosecond) {
        String text = String.format("%02d:%02d:%02d", hour, minute, second);
        return nanosecond == 0 ? text : text + String.format(".%09d", nanosecond).replaceAll("0+$", "");
    }

    private static String show(Object value) {
        if (value == null) {
            return "null";
        } else if (value instanceof Boolean flag) {
            return "bool:" + (flag ? 1 : 0);
        } else if (value instanceof Long) {
            return "int:" + value;
        } else if (value instanceof Double number) {
            return String.format("double:#%016x", Double.doubleToRawLongBits(number));
        } else if (value instanceof BigDecimal number) {
            return "decimal:" + number.toPlainString();
        } else if (value instanceof String text) {
            StringBuilder out = new StringBuilder("text:");
            text.codePoints().forEach(c -> {
                if (c <= ' ' || c == '%' || c == 127) {
                    out.append(String.format("%%%02X", c));
                } else {
                    out.appendCodePoint(c);
                }
            });
            return out.toString();
        } else if (value instanceof byte[] bytes) {
            return "bytes:" + HexFormat.of().formatHex(bytes);
        } else if (value instanceof LocalDate date) {
            return "date:" + day(date);
        } else if (value instanceof LocalTime time) {
            return "time:" + clock(time.getHour(), time.getMinute(), time.getSecond(), time.getNano());
        } else if (value instanceof Duration span) {
            Duration size = span.abs();
            return "time:" + (span.isNegative() ? "-" : "")
                    + clock(size.toHours(), size.toMinutesPart(), size.toSecondsPart(), size.toNanosPart());
        } else if (value instanceof LocalDateTime at) {
            return "timestamp:" + day(at.toLocalDate()) + "T"
                    + clock(at.getHour(), at.getMinute(), at.getSecond(), at.getNano());
        }
        return "uuid:" + value;
    }

    private static String day(LocalDate date) {
        return String.format("%04d-%02d-%02d", date.getYear(), date.getMonthValue(), date.getDayOfMonth());
    }

    /** %41 is A; the bytes are UTF-8. */
    private static String decode(String word) {
        ByteBuffer out = ByteBuffer.allocate(word.length() * 4);
        for (int i = 0; i < word.length(); ) {
            int c = word.codePointAt(i);
            if (c == '%') {
                out.put((byte) Integer.parseInt(word.substring(i + 1, i + 3), 16));
                i += 3;
            } else {
                out.put(Character.toString(c).getBytes(StandardCharsets.UTF_8));
                i += Character.charCount(c);
            }
        }
        return new String(out.array(), 0, out.position(), StandardCharsets.UTF_8);
    }

    private static Object read(String word) {
        if (word.equals("null")) {
            return null;
        }
        int colon = word.indexOf(':');
        String text = word.substring(colon + 1);
        return switch (word.substring(0, colon)) {
            case "bool" -> text.equals("1");
            case "int" -> Long.parseLong(text);
            case "double" -> Double.parseDouble(text);
            case "decimal" -> new BigDecimal(text);
            case "text" -> decode(text);
            case "bytes" -> HexFormat.of().parseHex(text);
            case "uuid" -> UUID.fromString(text);
            case "date" -> LocalDate.parse(text);
            case "timestamp" -> LocalDateTime.parse(text);
            case "time" -> time(text);
            default -> throw new IllegalArgumentException("no value: " + word);
        };
    }

    private static Object time(String text) {
        boolean negative = text.startsWith("-");
        String[] parts = text.substring(negative ? 1 : 0).split(":");
        if (!negative && Integer.parseInt(parts[0]) < 24) {
            return LocalTime.parse(text);
        }
        Duration span = Duration.parse("PT" + parts[0] + "H" + parts[1] + "M" + parts[2] + "S");
        return negative ? span.negated() : span;
    }

    // Commands.

    private List<String> answer(String line) {
        try {
            return run(line, line.split(" "));
        } catch (SQLException error) {
            if (!(error instanceof TwinFailure failure)) {
                return List.of("= " + error);
            }
            message = failure.details().message();
            return List.of("= " + describe(failure.details()));
        } catch (InterruptedException error) {
            return List.of("= interrupted");
        }
    }

    private static String describe(Details d) {
        return String.format("%s side=%s sqlstate=%s native=%d retryable=%d unknown=%d", d.name(),
                d.side().name().toLowerCase(), d.sqlState() == null ? "-" : d.sqlState(), d.nativeCode(),
                d.retryable() ? 1 : 0, d.outcomeUnknown() ? 1 : 0);
    }

    private static List<String> rows(TwinRows rows) throws SQLException {
        try (rows) {
            if (rows.columns().isEmpty()) {
                return List.of("= TWIN_" + rows.status() + " affected=" + rows.affected());
            }
            List<String> lines = new ArrayList<>();
            while (rows.next()) {
                StringBuilder line = new StringBuilder("row");
                for (Object value : rows.row()) {
                    line.append(' ').append(show(value));
                }
                lines.add(line.toString());
            }
            lines.add("= TWIN_OK rows=" + lines.size());
            return lines;
        }
    }

    private static Map<String, String> options(String[] words, int from) {
        Map<String, String> options = new LinkedHashMap<>();
        for (int i = from; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            options.put(words[i].substring(0, equals), decode(words[i].substring(equals + 1)));
        }
        return options;
    }

    private static List<String> batch(TwinStatement statement, String[] words) throws SQLException {
        List<Object[]> rows = new ArrayList<>();
        List<Object> row = new ArrayList<>();
        for (int i = 2; i < words.length; i++) {
            if (words[i].equals("/")) {
                rows.add(row.toArray());
                row.clear();
            } else {
                row.add(read(words[i]));
            }
        }
        rows.add(row.toArray());
        BatchResult done = statement.executeBatch(rows);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            SQLException why = done.errors().get(i);
            String name = why == null ? "TWIN_OK" : ((TwinFailure) why).details().name();
            lines.add("item " + name + " " + done.affected()[i]
                    + (why == null ? "" : " sqlstate=" + why.getSQLState()));
        }
        lines.add("= TWIN_" + done.status() + " failed=" + done.errors().size());
        return lines;
    }

    private static void fill(TwinConnection conn, String table, long from, long to) throws SQLException {
        try (TwinStatement statement = conn.prepare("INSERT INTO " + table + "(id, n) VALUES (?, ?)")) {
            for (long i = from; i <= to; i++) {
                statement.execute(i, i * 10).close();
            }
        }
    }

    private static void churn(TwinConnection conn, int count, String sql) throws SQLException {
        for (int i = 0; i < count; i++) {
            try (TwinStatement statement = conn.prepare(sql); TwinRows rows = statement.execute()) {
                rows.next();
            }
        }
    }

    private List<String> run(String line, String[] words) throws SQLException, InterruptedException {
        String verb = words[0];
        String name = words.length > 1 ? words[1] : "";
        String third = words.length > 2 ? words[2] : "";
        Object it = objects.getOrDefault(name, this);
        switch (verb) {
            case "abi":
                return List.of("= " + TwinPool.abiVersion());
            case "live":
                return List.of("= " + TwinPool.liveHandles());
            case "message":
                return List.of("= " + message);
            case "collect":
                System.gc();
                Thread.sleep(50);
                System.gc();
                return List.of("= done");
            case "background":
                String command = line.split(" ", 3)[2];
                Thread thread = new Thread(() -> answers.put(name, answer(command)));
                threads.put(name, thread);
                thread.start();
                return List.of("= started");
            case "join":
                threads.remove(name).join();
                return answers.remove(name);
            case "open":
                objects.put(name, TwinPool.open(options(words, 2)));
                return List.of("= TWIN_OK");
            case "reopen":
                for (int i = Integer.parseInt(name); i > 0; i--) {
                    TwinPool.open(options(words, 2)).close();
                }
                return List.of("= TWIN_OK");
            case "heard":
                return yes(heard.get(name).contains(third));
            case "acquire":
                TwinPool pool = (TwinPool) objects.get(third);
                objects.put(name, words.length > 3 ? pool.acquire(Duration.ofMillis(Long.parseLong(words[3])))
                        : pool.acquire());
                return List.of("= TWIN_OK");
            case "reader":
                objects.put(name, ((TwinPool) objects.get(third)).acquireReader(null));
                return List.of("= TWIN_OK");
            case "prepare":
                objects.put(name, ((TwinConnection) objects.get(third)).prepare(line.split(" ", 4)[3]));
                return List.of("= TWIN_OK");
            case "free":
            case "drop":
                objects.remove(name);
                return List.of("= TWIN_OK");
            default:
                break;
        }
        if (it instanceof TwinPool pool) {
            return onPool(pool, verb, name, third, words);
        } else if (it instanceof TwinConnection conn) {
            return onConnection(conn, verb, third, line, words);
        } else if (it instanceof TwinStatement statement) {
            return onStatement(statement, verb, words);
        }
        return List.of("= no command " + verb);
    }

    private List<String> onPool(TwinPool pool, String verb, String name, String third, String[] words)
            throws SQLException {
        switch (verb) {
            case "state":
                return List.of("= " + pool.status().mirrorState().name().toLowerCase());
            case "queue":
                try (TwinRows rows = pool.queueList(1000)) {
                    return List.of("= " + rows.all().size());
                }
            case "verify":
                return rows(pool.verify(null));
            case "get":
                return List.of("= " + pool.get(third));
            case "figure":
                return List.of("= " + pool.metrics().get(third));
            case "metrics":
                return yes(pool.metricsText().contains("twinpool_"));
            case "close":
                pool.close();
                break;
            case "set":
                pool.set(third, words[3]);
                break;
            case "replay":
                pool.replay(Duration.ofMillis(Long.parseLong(third)), null);
                break;
            case "suspend":
                pool.suspend(true);
                break;
            case "resume":
                pool.resume();
                break;
            case "detach":
                pool.detach();
                break;
            case "attach":
                pool.attach();
                break;
            case "evict":
                pool.evict();
                break;
            case "listen":
                Set<String> kinds = ConcurrentHashMap.newKeySet();
                heard.put(name, kinds);
                pool.listen(event -> kinds.add(event.kind().name().toLowerCase()));
                break;
            default:
                return List.of("= no command " + verb);
        }
        return List.of("= TWIN_OK");
    }

    /** Once, or again and again until a thread has ended: what is to be met may not have begun yet. */
    private static void cancel(TwinConnection conn, Thread until) throws SQLException, InterruptedException {
        try (TwinCancel token = conn.cancelToken()) {
            token.request();
            while (until != null && until.isAlive()) {
                token.request();
                until.join(20);
            }
        }
    }

    private List<String> onConnection(TwinConnection conn, String verb, String third, String line,
            String[] words) throws SQLException, InterruptedException {
        switch (verb) {
            case "run":
                return rows(conn.execute(line.split(" ", 3)[2]));
            case "pieces":
                return pieces(conn.execute(line.split(" ", 4)[3]), Integer.parseInt(third));
            case "commit":
                return List.of("= TWIN_" + conn.commit());
            case "outcome":
                return List.of("= " + conn.lastOutcome());
            case "direct":
                return yes(conn.isDirect());
            case "in_transaction":
                return yes(conn.inTransaction());
            case "valid":
                return yes(conn.isValid(Duration.ofSeconds(5)));
            case "key":
                Long key = conn.generatedKey();
                return List.of("= " + (key == null ? "none" : key));
            case "keys":
                conn.setGeneratedKeys(third.equals("on"));
                break;
            case "release":
                conn.release();
                break;
            case "abort":
                conn.abort();
                break;
            case "begin":
                conn.begin();
                break;
            case "rollback":
                conn.rollback();
                break;
            case "savepoint":
                conn.savepoint(third);
                break;
            case "rollback_to":
                conn.rollbackTo(third);
                break;
            case "release_savepoint":
                conn.releaseSavepoint(third);
                break;
            case "isolation":
                conn.setIsolation(TwinConnection.Isolation.valueOf(third.toUpperCase()));
                break;
            case "read_only":
                conn.setReadOnly(third.equals("on"));
                break;
            case "autocommit":
                conn.setAutocommit(third.equals("on"));
                break;
            case "fill":
                fill(conn, third, Long.parseLong(words[3]), Long.parseLong(words[4]));
                break;
            case "churn":
                churn(conn, Integer.parseInt(third), line.split(" ", 4)[3]);
                break;
            case "cancel":
                cancel(conn, threads.get(third));
                break;
            default:
                return List.of("= no command " + verb);
        }
        return List.of("= TWIN_OK");
    }

    private static List<String> onStatement(TwinStatement statement, String verb, String[] words)
            throws SQLException {
        switch (verb) {
            case "execute":
                Object[] values = Arrays.stream(words, 2, words.length).map(Runner::read).toArray();
                return rows(statement.execute(values));
            case "batch":
                return batch(statement, words);
            case "columns":
                List<String> lines = new ArrayList<>();
                statement.columns().forEach(column -> lines.add("column " + column.name()));
                lines.add("= parameters=" + statement.parameterCount());
                return lines;
            case "put":
                Object piece = read(words[3]);
                for (int times = times(words); times > 0; times--) {
                    if (piece instanceof String text) {
                        statement.put(Integer.parseInt(words[2]), text);
                    } else {
                        statement.put(Integer.parseInt(words[2]), (byte[]) piece);
                    }
                }
                return List.of("= TWIN_OK");
            case "stream":
                Object whole = read(words[3]);
                boolean isText = whole instanceof String;
                byte[] data = isText ? ((String) whole).getBytes(StandardCharsets.UTF_8) : (byte[]) whole;
                statement.bindStream(Integer.parseInt(words[2]), new Repeated(data, times(words)), isText);
                return List.of("= TWIN_OK");
            case "end":
                statement.close();
                return List.of("= TWIN_OK");
            default:
                return List.of("= no command " + verb);
        }
    }

    private static int times(String[] words) {
        return words.length > 4 ? Integer.parseInt(words[4]) : 1;
    }

    /** Bytes again and again, three at a time where they are few. */
    private static final class Repeated extends java.io.InputStream {
        private final byte[] bytes;
        private final long end;
        private long at;

        Repeated(byte[] bytes, int times) {
            this.bytes = bytes;
            this.end = (long) bytes.length * times;
        }

        @Override
        public int read() {
            return at == end ? -1 : bytes[(int) (at++ % bytes.length)] & 0xff;
        }

        @Override
        public byte[] readNBytes(int length) throws java.io.IOException {
            return super.readNBytes(end < 1000 ? Math.min(3, length) : length);
        }
    }

    /** The length and the checksum of each value of a result, read in pieces. */
    private static List<String> pieces(TwinRows rows, int size) throws SQLException {
        List<String> lines = new ArrayList<>();
        try (rows) {
            while (rows.next()) {
                StringBuilder line = new StringBuilder("row");
                for (int column = 1; column <= rows.columns().size(); column++) {
                    line.append(' ').append(checksum(rows.stream(column), size));
                }
                lines.add(line.toString());
            }
        } catch (java.io.IOException error) {
            throw new SQLException(error);
        }
        lines.add("= TWIN_OK rows=" + lines.size());
        return lines;
    }

    private static String checksum(java.io.InputStream stream, int size) throws java.io.IOException {
        if (stream == null) {
            return "null";
        }
        java.util.zip.CRC32 crc = new java.util.zip.CRC32();
        byte[] piece = new byte[size];
        long length = 0;
        for (int got = stream.read(piece); got > 0; got = stream.read(piece)) {
            crc.update(piece, 0, got);
            length += got;
        }
        return length + ":" + String.format("%08x", crc.getValue());
    }

    private static List<String> yes(boolean flag) {
        return List.of(flag ? "= yes" : "= no");
    }
}
