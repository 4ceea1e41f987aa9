package org.twinpool;

import java.sql.SQLException;
import java.util.Map;

/**
 * How a batch ended.
 *
 * @param status how its transaction ended
 * @param statuses the status of each row; negative: it failed
 * @param affected the rows that each row wrote; -1 where the driver does not say
 * @param errors why rows failed, by their number from 0
 */
public record BatchResult(TwinStatus status, int[] statuses, long[] affected, Map<Integer, SQLException> errors) {}
