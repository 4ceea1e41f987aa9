package org.twinpool;

import com.sun.jna.Pointer;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.UUID;

/**
 * Some rows. A column is copied out of the library's memory when a value of it is first asked for, so that nothing is
 * copied of one that is read in pieces. Good until the rows move on.
 */
final class Block {
    /** Columns of more bytes than this are copied a value at a time. */
    private static final long MUCH = 1 << 20;

    private static final int DATE = Natives.TwinDate.LENGTH;
    private static final int TIME = Natives.TwinTime.LENGTH;
    private static final int TIMESTAMP = Natives.TwinTimestamp.LENGTH;

    final int rows;
    private final Column[] columns;

    Block(long address) {
        Pointer block = new Pointer(address);
        rows = (int) block.getLong(Natives.TwinBlock.ROW_COUNT);
        columns = new Column[block.getInt(Natives.TwinBlock.COLUMN_COUNT)];
        Pointer pointers = block.getPointer(Natives.TwinBlock.COLUMNS);
        for (int i = 0; i < columns.length; i++) {
            columns[i] = new Column(pointers.getPointer(8L * i), rows);
        }
    }

    int width() {
        return columns.length;
    }

    boolean isNull(int row, int column) {
        return columns[column].isNull(row);
    }

    Object get(int row, int column) {
        return columns[column].get(row);
    }

    private static final class Column {
        private final int kind;
        private final int rows;
        private final byte[] nulls;
        private final Pointer data;
        private final long[] ends;
        private ByteBuffer fixed;
        private byte[] bytes;

        Column(Pointer column, int rows) {
            this.rows = rows;
            kind = column.getInt(Natives.TwinColumn.KIND);
            data = column.getPointer(Natives.TwinColumn.DATA);
            Pointer isNull = column.getPointer(Natives.TwinColumn.NULLS);
            Pointer offsets = column.getPointer(Natives.TwinColumn.OFFSETS);
            nulls = isNull == null ? null : isNull.getByteArray(0, rows);
            ends = offsets == null || kind == Natives.TWIN_TYPE_NULL ? null : offsets.getLongArray(0, rows + 1);
        }

        boolean isNull(int row) {
            return kind == Natives.TWIN_TYPE_NULL || nulls != null && nulls[row] != 0;
        }

        Object get(int row) {
            if (isNull(row)) {
                return null;
            }
            if (ends == null && fixed == null) {
                fixed = ByteBuffer.wrap(data.getByteArray(0, rows * width(kind))).order(ByteOrder.nativeOrder());
            }
            switch (kind) {
                case Natives.TWIN_TYPE_BOOL:
                    return fixed.get(row) != 0;
                case Natives.TWIN_TYPE_INT64:
                    return fixed.getLong(8 * row);
                case Natives.TWIN_TYPE_DOUBLE:
                    return fixed.getDouble(8 * row);
                case Natives.TWIN_TYPE_DECIMAL:
                    return new BigDecimal(text(row));
                case Natives.TWIN_TYPE_TEXT:
                    return text(row);
                case Natives.TWIN_TYPE_BYTES:
                    return value(row);
                case Natives.TWIN_TYPE_DATE:
                    return date(DATE * row);
                case Natives.TWIN_TYPE_TIME:
                    return time(TIME * row);
                case Natives.TWIN_TYPE_TIMESTAMP:
                    return timestamp(TIMESTAMP * row);
                default:
                    ByteBuffer uuid = fixed.duplicate().order(ByteOrder.BIG_ENDIAN);
                    return new UUID(uuid.getLong(16 * row), uuid.getLong(16 * row + 8));
            }
        }

        private String text(int row) {
            if (ends[rows] > MUCH) {
                return new String(value(row), StandardCharsets.UTF_8);
            }
            int start = (int) ends[row];
            return new String(all(), start, (int) ends[row + 1] - start, StandardCharsets.UTF_8);
        }

        private byte[] value(int row) {
            int length = Math.toIntExact(ends[row + 1] - ends[row]);
            if (length > 0 && ends[rows] > MUCH) {
                return data.getByteArray(ends[row], length);
            }
            return java.util.Arrays.copyOfRange(all(), (int) ends[row], (int) ends[row + 1]);
        }

        private byte[] all() {
            if (bytes == null) {
                int length = (int) ends[rows];
                bytes = length == 0 ? new byte[0] : data.getByteArray(0, length);
            }
            return bytes;
        }

        private int small(int at) {
            return fixed.get(at) & 0xff;
        }

        private Object date(int at) {
            int year = fixed.getInt(at + Natives.TwinDate.YEAR);
            int month = small(at + Natives.TwinDate.MONTH);
            int day = small(at + Natives.TwinDate.DAY);
            try {
                return LocalDate.of(year, month, day);
            } catch (DateTimeException error) {
                return String.format("%04d-%02d-%02d", year, month, day);
            }
        }

        private Object time(int at) {
            int hour = fixed.getShort(at + Natives.TwinTime.HOUR) & 0xffff;
            int minute = small(at + Natives.TwinTime.MINUTE);
            int second = small(at + Natives.TwinTime.SECOND);
            int nanosecond = fixed.getInt(at + Natives.TwinTime.NANOSECOND);
            boolean negative = fixed.get(at + Natives.TwinTime.NEGATIVE) != 0;
            if (hour < 24 && !negative) {
                return LocalTime.of(hour, minute, second, nanosecond);
            }
            Duration span = Duration.ofSeconds(hour * 3600L + minute * 60L + second, nanosecond);
            return negative ? span.negated() : span;
        }

        private Object timestamp(int at) {
            int year = fixed.getInt(at + Natives.TwinTimestamp.YEAR);
            int month = small(at + Natives.TwinTimestamp.MONTH);
            int day = small(at + Natives.TwinTimestamp.DAY);
            int hour = small(at + Natives.TwinTimestamp.HOUR);
            int minute = small(at + Natives.TwinTimestamp.MINUTE);
            int second = small(at + Natives.TwinTimestamp.SECOND);
            int nanosecond = fixed.getInt(at + Natives.TwinTimestamp.NANOSECOND);
            try {
                return LocalDateTime.of(year, month, day, hour, minute, second, nanosecond);
            } catch (DateTimeException error) {
                return String.format(
                        "%04d-%02d-%02dT%02d:%02d:%02d.%09d", year, month, day, hour, minute, second, nanosecond);
            }
        }
    }

    /** Bytes of a value of fixed width; 0 for the others. */
    static int width(int kind) {
        switch (kind) {
            case Natives.TWIN_TYPE_BOOL:
                return 1;
            case Natives.TWIN_TYPE_INT64:
            case Natives.TWIN_TYPE_DOUBLE:
                return 8;
            case Natives.TWIN_TYPE_DATE:
                return DATE;
            case Natives.TWIN_TYPE_TIME:
                return TIME;
            case Natives.TWIN_TYPE_TIMESTAMP:
                return TIMESTAMP;
            case Natives.TWIN_TYPE_UUID:
                return 16;
            default:
                return 0;
        }
    }
}
