package org.twinpool;

import java.sql.SQLException;

/** A call that failed in a way that has no class of its own. */
public class TwinException extends SQLException implements TwinFailure {
    private static final long serialVersionUID = 1L;
    private final transient Details details;

    TwinException(Details details) {
        super(details.line(), details.sqlState(), details.nativeCode());
        this.details = details;
    }

    @Override
    public Details details() {
        return details;
    }
}
