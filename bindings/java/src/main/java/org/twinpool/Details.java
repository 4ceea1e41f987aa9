package org.twinpool;

import java.util.List;

/**
 * What the library tells of a failure.
 *
 * @param status one of the numbers in docs/errors.md
 * @param name its name, e.g. {@code TWIN_ERR_DATABASE}
 * @param message one line for people
 * @param retryable the whole transaction may be repeated unchanged and may then succeed
 * @param outcomeUnknown the connection was lost under a commit: look at the data before repeating anything
 * @param side who the error speaks for
 * @param records what the drivers had to say
 */
public record Details(int status, String name, String message, boolean retryable, boolean outcomeUnknown, Side side,
        List<Entry> records) {

    /**
     * What a driver had to say.
     *
     * @param sqlState five characters
     * @param nativeCode the driver's own number
     * @param message the driver's text
     * @param side whose driver
     * @param function the ODBC function
     */
    public record Entry(String sqlState, int nativeCode, String message, Side side, String function) {}

    /** The SQLSTATE of the first record; null where the library itself speaks. */
    public String sqlState() {
        return records.isEmpty() ? null : records.get(0).sqlState();
    }

    /** The native code of the first record, or 0. */
    public int nativeCode() {
        return records.isEmpty() ? 0 : records.get(0).nativeCode();
    }

    String line() {
        return name + ": " + message;
    }
}
