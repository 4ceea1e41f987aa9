package org.twinpool;

import java.sql.SQLTransactionRollbackException;

/** Rolled back for reasons of concurrency: run the whole transaction again. */
public class TwinRetryException extends SQLTransactionRollbackException implements TwinFailure {
    private static final long serialVersionUID = 1L;
    private final transient Details details;

    TwinRetryException(Details details) {
        super(details.line(), details.sqlState(), details.nativeCode());
        this.details = details;
    }

    @Override
    public Details details() {
        return details;
    }
}
