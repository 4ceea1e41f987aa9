package org.twinpool;

import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** Makes exceptions of failed calls. */
final class Failures {
    private Failures() {}

    /** The status of a call that went well; the exception of one that failed, whose error is in the scratch. */
    static int check(int status, Scratch scratch) throws SQLException {
        if (status >= 0) {
            return status;
        }
        throw from(status, scratch.takeError());
    }

    static SQLException from(int status, long error) {
        List<Details.Entry> records = new ArrayList<>();
        int count = Natives.twin_error_record_count(error);
        for (int i = 0; i < count; i++) {
            records.add(new Details.Entry(
                    text(Natives.twin_error_record_sqlstate(error, i)),
                    Natives.twin_error_record_native(error, i),
                    text(Natives.twin_error_record_message(error, i)),
                    side(Natives.twin_error_record_side(error, i)),
                    text(Natives.twin_error_record_function(error, i))));
        }
        Details details = new Details(
                status,
                name(status),
                text(Natives.twin_error_message(error)),
                Natives.twin_error_retryable(error) != 0,
                Natives.twin_error_outcome_unknown(error) != 0,
                side(Natives.twin_error_side(error)),
                List.copyOf(records));
        Natives.twin_error_free(error);
        return exception(details);
    }

    private static SQLException exception(Details details) {
        switch (details.status()) {
            case Natives.TWIN_ERR_ACQUIRE_TIMEOUT:
            case Natives.TWIN_ERR_TIMEOUT:
                return new TwinTimeoutException(details);
            case Natives.TWIN_ERR_UNREACHABLE:
                return new TwinConnectionException(details);
            case Natives.TWIN_ERR_RETRY:
                return new TwinRetryException(details);
            default:
                return isConstraint(details) ? new TwinIntegrityException(details) : new TwinException(details);
        }
    }

    private static boolean isConstraint(Details details) {
        if (details.status() != Natives.TWIN_ERR_DATABASE || details.records().isEmpty()) {
            return false;
        }
        Details.Entry first = details.records().get(0);
        // SQLite's driver has one SQLSTATE for all; 19 is SQLITE_CONSTRAINT.
        return first.sqlState().startsWith("23")
                || first.sqlState().equals("HY000")
                        && first.nativeCode() == 19
                        && first.message().startsWith("[SQLite]");
    }

    static String name(int status) {
        String name = text(Natives.twin_status_name(status));
        return name.isEmpty() ? Integer.toString(status) : name;
    }

    private static Side side(int number) {
        return number >= 0 && number < Side.values().length ? Side.values()[number] : Side.POOL;
    }

    /** A text that ends at its NUL. */
    static String text(long address) {
        return address == 0 ? "" : new Pointer(address).getString(0, StandardCharsets.UTF_8.name());
    }
}
