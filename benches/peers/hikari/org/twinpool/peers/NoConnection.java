package org.twinpool.peers;

import java.sql.*;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Executor;

/** A connection that does nothing. A plain class: what a pool calls on it costs next to nothing. */
final class NoConnection implements Connection {
    public Statement createStatement() { return null; }
    public PreparedStatement prepareStatement(String a) { return null; }
    public CallableStatement prepareCall(String a) { return null; }
    public String nativeSQL(String a) { return null; }
    public void setAutoCommit(boolean a) { }
    public boolean getAutoCommit() { return true; }
    public void commit() { }
    public void rollback() { }
    public void close() { }
    public boolean isClosed() { return false; }
    public DatabaseMetaData getMetaData() { return null; }
    public void setReadOnly(boolean a) { }
    public boolean isReadOnly() { return false; }
    public void setCatalog(String a) { }
    public String getCatalog() { return null; }
    public void setTransactionIsolation(int a) { }
    public int getTransactionIsolation() { return TRANSACTION_READ_COMMITTED; }
    public SQLWarning getWarnings() { return null; }
    public void clearWarnings() { }
    public Statement createStatement(int a, int b) { return null; }
    public PreparedStatement prepareStatement(String a, int b, int c) { return null; }
    public CallableStatement prepareCall(String a, int b, int c) { return null; }
    public Map<String, Class<?>> getTypeMap() { return null; }
    public void setTypeMap(Map<String, Class<?>> a) { }
    public void setHoldability(int a) { }
    public int getHoldability() { return 0; }
    public Savepoint setSavepoint() { return null; }
    public Savepoint setSavepoint(String a) { return null; }
    public void rollback(Savepoint a) { }
    public void releaseSavepoint(Savepoint a) { }
    public Statement createStatement(int a, int b, int c) { return null; }
    public PreparedStatement prepareStatement(String a, int b, int c, int d) { return null; }
    public CallableStatement prepareCall(String a, int b, int c, int d) { return null; }
    public PreparedStatement prepareStatement(String a, int b) { return null; }
    public PreparedStatement prepareStatement(String a, int[] b) { return null; }
    public PreparedStatement prepareStatement(String a, String[] b) { return null; }
    public Clob createClob() { return null; }
    public Blob createBlob() { return null; }
    public NClob createNClob() { return null; }
    public SQLXML createSQLXML() { return null; }
    public boolean isValid(int a) { return true; }
    public void setClientInfo(String a, String b) { }
    public void setClientInfo(Properties a) { }
    public String getClientInfo(String a) { return null; }
    public Properties getClientInfo() { return null; }
    public Array createArrayOf(String a, Object[] b) { return null; }
    public Struct createStruct(String a, Object[] b) { return null; }
    public void setSchema(String a) { }
    public String getSchema() { return null; }
    public void abort(Executor a) { }
    public void setNetworkTimeout(Executor a, int b) { }
    public int getNetworkTimeout() { return 0; }
    public <T> T unwrap(Class<T> kind) { return null; }
    public boolean isWrapperFor(Class<?> kind) { return false; }
}
