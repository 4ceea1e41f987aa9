import java.math.BigDecimal;
import java.util.Map;
import org.twinpool.*;

/** A first program: java -cp twinpool.jar:jna.jar First.java a.db b.db */
class First {
    public static void main(String[] files) throws Exception {
        String driver = "Driver=SQLite3;Database=";
        try (TwinPool pool = TwinPool.open(Map.of("master", driver + files[0], "mirror", driver + files[1]))) {
            try (TwinConnection conn = pool.acquire()) {
                conn.execute("CREATE TABLE IF NOT EXISTS item"
                        + "(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(10,2))");
                conn.execute("DELETE FROM item");
                TwinStatus status;
                try (TwinStatement insert = conn.prepare("INSERT INTO item(id, name, price) VALUES (?, ?, ?)")) {
                    conn.begin();
                    insert.execute(1, "bolt", new BigDecimal("0.35"));
                    insert.execute(2, "nut", null);
                    status = conn.commit();
                }
                System.out.println(status == TwinStatus.QUEUED
                        ? "committed; the mirror gets its share later" : "committed on both databases");
                try (TwinRows rows = conn.execute("SELECT id, name, price FROM item ORDER BY id")) {
                    while (rows.next()) {
                        Object price = rows.get(3);
                        System.out.printf("%d  %-6s %s%n", rows.getLong(1), rows.getString(2),
                                price == null ? "no price" : price);
                    }
                }
            }
            PoolStatus status = pool.status();
            System.out.printf("mirror %s, %d entries in the queue, %d transactions direct, %d queued%n",
                    status.mirrorState() == MirrorState.IN_SYNC ? "in sync" : "behind",
                    status.queueEntries(), status.direct(), status.queued());
        }
    }
}
