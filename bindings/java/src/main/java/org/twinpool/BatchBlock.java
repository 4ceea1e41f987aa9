package org.twinpool;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Rows as a block of columns, together with the memory that the block points into. */
final class BatchBlock {
    private final List<Memory> kept = new ArrayList<>();
    private final Memory block = memory(Natives.TwinBlock.LENGTH);

    BatchBlock(List<Object[]> rows) {
        int width = rows.isEmpty() ? 0 : rows.get(0).length;
        for (Object[] row : rows) {
            if (row.length != width || width == 0) {
                throw new IllegalArgumentException("a batch needs rows, all of the same length");
            }
        }
        Memory pointers = memory(8L * width);
        for (int i = 0; i < width; i++) {
            pointers.setPointer(8L * i, column(rows, i));
        }
        block.setInt(Natives.TwinBlock.STRUCT_SIZE, Natives.TwinBlock.LENGTH);
        block.setInt(Natives.TwinBlock.COLUMN_COUNT, width);
        block.setLong(Natives.TwinBlock.ROW_COUNT, rows.size());
        block.setPointer(Natives.TwinBlock.COLUMNS, pointers);
    }

    long address() {
        return Pointer.nativeValue(block);
    }

    private Memory memory(long size) {
        Memory made = new Memory(Math.max(size, 1));
        made.clear();
        kept.add(made);
        return made;
    }

    private Memory column(List<Object[]> rows, int index) {
        int kind = kind(rows, index);
        int width = Block.width(kind);
        Memory nulls = memory(rows.size());
        Memory offsets = width == 0 ? memory(8L * (rows.size() + 1)) : null;
        ByteArrayOutputStream cells = new ByteArrayOutputStream();
        for (int row = 0; row < rows.size(); row++) {
            Object value = rows.get(row)[index];
            nulls.setByte(row, (byte) (value == null ? 1 : 0));
            cells.writeBytes(value == null ? new byte[width] : Binder.bytes(kind, value));
            if (offsets != null) {
                offsets.setLong(8L * (row + 1), cells.size());
            }
        }
        Memory data = memory(cells.size());
        data.write(0, cells.toByteArray(), 0, cells.size());
        Memory column = memory(Natives.TwinColumn.LENGTH);
        column.setInt(Natives.TwinColumn.STRUCT_SIZE, Natives.TwinColumn.LENGTH);
        column.setInt(Natives.TwinColumn.KIND, kind);
        column.setPointer(Natives.TwinColumn.NULLS, nulls);
        column.setPointer(Natives.TwinColumn.DATA, data);
        column.setPointer(Natives.TwinColumn.OFFSETS, offsets);
        return column;
    }

    /** The one type of a column. Integers among decimals are decimals. */
    private static int kind(List<Object[]> rows, int index) {
        Set<Integer> kinds = new HashSet<>();
        for (Object[] row : rows) {
            kinds.add(Binder.kind(row[index]));
        }
        kinds.remove(Natives.TWIN_TYPE_NULL);
        if (kinds.equals(Set.of(Natives.TWIN_TYPE_INT64, Natives.TWIN_TYPE_DECIMAL))) {
            return Natives.TWIN_TYPE_DECIMAL;
        } else if (kinds.size() > 1) {
            throw new IllegalArgumentException("parameter " + (index + 1) + " has values of several types");
        }
        return kinds.isEmpty() ? Natives.TWIN_TYPE_NULL : kinds.iterator().next();
    }
}
