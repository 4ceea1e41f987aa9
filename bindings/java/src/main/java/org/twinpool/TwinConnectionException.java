package org.twinpool;

import java.sql.SQLRecoverableException;

/** A database cannot be reached, or the connection was lost. */
public class TwinConnectionException extends SQLRecoverableException implements TwinFailure {
    private static final long serialVersionUID = 1L;
    private final transient Details details;

    TwinConnectionException(Details details) {
        super(details.line(), details.sqlState(), details.nativeCode());
        this.details = details;
    }

    @Override
    public Details details() {
        return details;
    }
}
