package org.twinpool;

import java.sql.SQLIntegrityConstraintViolationException;

/** A constraint. */
public class TwinIntegrityException extends SQLIntegrityConstraintViolationException implements TwinFailure {
    private static final long serialVersionUID = 1L;
    private final transient Details details;

    TwinIntegrityException(Details details) {
        super(details.line(), details.sqlState(), details.nativeCode());
        this.details = details;
    }

    @Override
    public Details details() {
        return details;
    }
}
