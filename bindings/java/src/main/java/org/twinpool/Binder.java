package org.twinpool;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.UUID;

/** Values on their way in. */
final class Binder {
    private Binder() {}

    /** The type under which a value is bound. */
    static int kind(Object value) {
        if (value == null) {
            return Natives.TWIN_TYPE_NULL;
        } else if (value instanceof Boolean) {
            return Natives.TWIN_TYPE_BOOL;
        } else if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return Natives.TWIN_TYPE_INT64;
        } else if (value instanceof Double || value instanceof Float) {
            return Natives.TWIN_TYPE_DOUBLE;
        } else if (value instanceof BigDecimal || value instanceof BigInteger) {
            return Natives.TWIN_TYPE_DECIMAL;
        } else if (value instanceof String) {
            return Natives.TWIN_TYPE_TEXT;
        } else if (value instanceof byte[]) {
            return Natives.TWIN_TYPE_BYTES;
        } else if (value instanceof LocalDate) {
            return Natives.TWIN_TYPE_DATE;
        } else if (value instanceof LocalTime || value instanceof Duration) {
            return Natives.TWIN_TYPE_TIME;
        } else if (value instanceof LocalDateTime) {
            return Natives.TWIN_TYPE_TIMESTAMP;
        } else if (value instanceof UUID) {
            return Natives.TWIN_TYPE_UUID;
        }
        throw new IllegalArgumentException("a value of " + value.getClass() + " cannot be bound");
    }

    /** Binds one value; gives the status. */
    static int bind(long stmt, int index, Object value, Scratch s) {
        int kind = kind(value);
        byte[] bytes = kind == Natives.TWIN_TYPE_NULL ? null : bytes(kind, value);
        switch (kind) {
            case Natives.TWIN_TYPE_NULL:
                return Natives.twin_stmt_bind_null(stmt, index, s.error);
            case Natives.TWIN_TYPE_BOOL:
                return Natives.twin_stmt_bind_bool(stmt, index, (Boolean) value ? 1 : 0, s.error);
            case Natives.TWIN_TYPE_INT64:
                return Natives.twin_stmt_bind_int64(stmt, index, ((Number) value).longValue(), s.error);
            case Natives.TWIN_TYPE_DOUBLE:
                return Natives.twin_stmt_bind_double(stmt, index, ((Number) value).doubleValue(), s.error);
            case Natives.TWIN_TYPE_DECIMAL:
                return Natives.twin_stmt_bind_decimal(stmt, index, bytes, bytes.length, s.error);
            case Natives.TWIN_TYPE_TEXT:
                return Natives.twin_stmt_bind_text(stmt, index, bytes, bytes.length, s.error);
            case Natives.TWIN_TYPE_BYTES:
                return Natives.twin_stmt_bind_bytes(stmt, index, bytes, bytes.length, s.error);
            case Natives.TWIN_TYPE_UUID:
                return Natives.twin_stmt_bind_uuid(stmt, index, bytes, s.error);
            default:
                break;
        }
        for (int i = 0; i < bytes.length; i++) {
            s.putByte(i, bytes[i]);
        }
        if (kind == Natives.TWIN_TYPE_DATE) {
            return Natives.twin_stmt_bind_date(stmt, index, s.structure, s.error);
        } else if (kind == Natives.TWIN_TYPE_TIME) {
            return Natives.twin_stmt_bind_time(stmt, index, s.structure, s.error);
        }
        return Natives.twin_stmt_bind_timestamp(stmt, index, s.structure, s.error);
    }

    /** A value as it stands in a column of a block. */
    static byte[] bytes(int kind, Object value) {
        ByteBuffer out = ByteBuffer.allocate(Block.width(kind)).order(ByteOrder.nativeOrder());
        switch (kind) {
            case Natives.TWIN_TYPE_BOOL:
                return out.put((byte) ((Boolean) value ? 1 : 0)).array();
            case Natives.TWIN_TYPE_INT64:
                return out.putLong(((Number) value).longValue()).array();
            case Natives.TWIN_TYPE_DOUBLE:
                return out.putDouble(((Number) value).doubleValue()).array();
            case Natives.TWIN_TYPE_DECIMAL:
                return Scratch.utf8(value instanceof BigDecimal ? ((BigDecimal) value).toPlainString() : value.toString());
            case Natives.TWIN_TYPE_TEXT:
                return Scratch.utf8((String) value);
            case Natives.TWIN_TYPE_BYTES:
                return (byte[]) value;
            case Natives.TWIN_TYPE_DATE:
                LocalDate date = (LocalDate) value;
                out.putInt(Natives.TwinDate.YEAR, date.getYear());
                out.put(Natives.TwinDate.MONTH, (byte) date.getMonthValue());
                return out.put(Natives.TwinDate.DAY, (byte) date.getDayOfMonth()).array();
            case Natives.TWIN_TYPE_TIME:
                return time(out, value instanceof LocalTime
                        ? Duration.ofNanos(((LocalTime) value).toNanoOfDay()) : (Duration) value);
            case Natives.TWIN_TYPE_TIMESTAMP:
                LocalDateTime at = (LocalDateTime) value;
                out.putInt(Natives.TwinTimestamp.YEAR, at.getYear());
                out.put(Natives.TwinTimestamp.MONTH, (byte) at.getMonthValue());
                out.put(Natives.TwinTimestamp.DAY, (byte) at.getDayOfMonth());
                out.put(Natives.TwinTimestamp.HOUR, (byte) at.getHour());
                out.put(Natives.TwinTimestamp.MINUTE, (byte) at.getMinute());
                out.put(Natives.TwinTimestamp.SECOND, (byte) at.getSecond());
                return out.putInt(Natives.TwinTimestamp.NANOSECOND, at.getNano()).array();
            default:
                UUID uuid = (UUID) value;
                out.order(ByteOrder.BIG_ENDIAN).putLong(uuid.getMostSignificantBits());
                return out.putLong(uuid.getLeastSignificantBits()).array();
        }
    }

    private static byte[] time(ByteBuffer out, Duration value) {
        Duration span = value.abs();
        if (span.toHours() > 0xffff) {
            throw new IllegalArgumentException("an interval of that many hours cannot be bound");
        }
        out.putShort(Natives.TwinTime.HOUR, (short) span.toHours());
        out.put(Natives.TwinTime.MINUTE, (byte) span.toMinutesPart());
        out.put(Natives.TwinTime.SECOND, (byte) span.toSecondsPart());
        out.put(Natives.TwinTime.NEGATIVE, (byte) (value.isNegative() ? 1 : 0));
        return out.putInt(Natives.TwinTime.NANOSECOND, span.toNanosPart()).array();
    }
}
