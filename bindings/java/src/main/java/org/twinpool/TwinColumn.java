package org.twinpool;

/**
 * What is known of a column before its rows.
 *
 * @param name its name
 * @param type how its values are delivered
 * @param size declared size: characters, bytes or digits; 0 where the driver does not say
 * @param digits digits behind the decimal point
 * @param nullable false if it is known to hold no NULL
 * @param sqlType the driver's ODBC type code
 */
public record TwinColumn(String name, Type type, long size, int digits, boolean nullable, int sqlType) {
    /** Types of values, and what they are in Java. */
    public enum Type {
        /** Always null. */
        NULL,
        /** {@link Boolean} */
        BOOL,
        /** {@link Long} */
        INT64,
        /** {@link Double} */
        DOUBLE,
        /** {@link java.math.BigDecimal} */
        DECIMAL,
        /** {@link String} */
        TEXT,
        /** {@code byte[]} */
        BYTES,
        /** {@link java.time.LocalDate}; a text where that cannot hold it */
        DATE,
        /** {@link java.time.LocalTime}; {@link java.time.Duration} for an interval of a day or more, or below zero */
        TIME,
        /** {@link java.time.LocalDateTime}; a text where that cannot hold it */
        TIMESTAMP,
        /** {@link java.util.UUID} */
        UUID
    }

    /** Reads the structure that a call has filled. */
    static TwinColumn of(Scratch s) {
        long name = s.getLong(Natives.TwinColumnInfo.NAME);
        return new TwinColumn(
                Callbacks.text(new com.sun.jna.Pointer(name), s.getLong(Natives.TwinColumnInfo.NAME_LEN)),
                Type.values()[s.getInt(Natives.TwinColumnInfo.KIND)],
                s.getLong(Natives.TwinColumnInfo.SIZE),
                s.getInt(Natives.TwinColumnInfo.DIGITS),
                s.getInt(Natives.TwinColumnInfo.NULLABLE) != 0,
                s.getInt(Natives.TwinColumnInfo.SQL_TYPE));
    }

    static Scratch prepare(Scratch s) {
        return s.clear(Natives.TwinColumnInfo.LENGTH).putInt(0, Natives.TwinColumnInfo.LENGTH);
    }
}
