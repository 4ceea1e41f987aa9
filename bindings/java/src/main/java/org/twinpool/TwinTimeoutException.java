package org.twinpool;

import java.sql.SQLTimeoutException;

/** A wait has reached its limit. */
public class TwinTimeoutException extends SQLTimeoutException implements TwinFailure {
    private static final long serialVersionUID = 1L;
    private final transient Details details;

    TwinTimeoutException(Details details) {
        super(details.line(), details.sqlState(), details.nativeCode());
        this.details = details;
    }

    @Override
    public Details details() {
        return details;
    }
}
