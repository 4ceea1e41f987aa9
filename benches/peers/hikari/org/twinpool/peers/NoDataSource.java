package org.twinpool.peers;

import java.io.PrintWriter;
import java.sql.Connection;
import java.util.logging.Logger;
import javax.sql.DataSource;

/** Where connections that do nothing come from. */
final class NoDataSource implements DataSource {
    public Connection getConnection() { return new NoConnection(); }
    public Connection getConnection(String user, String password) { return new NoConnection(); }
    public PrintWriter getLogWriter() { return null; }
    public void setLogWriter(PrintWriter out) { }
    public void setLoginTimeout(int seconds) { }
    public int getLoginTimeout() { return 0; }
    public Logger getParentLogger() { return null; }
    public <T> T unwrap(Class<T> kind) { return null; }
    public boolean isWrapperFor(Class<?> kind) { return false; }
}
