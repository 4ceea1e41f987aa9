package org.twinpool;

/**
 * What a pool knows of itself and of the pair.
 *
 * @param mirrorState the state of the mirror
 * @param asynchronous whether {@code mirror.mode} is {@code async}
 * @param mirrorReachable whether the mirror answered when it was last asked
 * @param epoch grows with each change of the mirror's state
 * @param term grows when the roles change
 * @param queueEntries entries in the queue
 * @param queueBytes their size
 * @param queueOldestMs age of the oldest
 * @param total connections that exist
 * @param idle those that wait to be acquired
 * @param active those that are out
 * @param waiting threads that wait for one
 * @param direct transactions committed on both sides at once
 * @param queued transactions whose mirror share was queued
 * @param replayed entries replayed by this pool
 * @param failed transactions that ended with an error
 * @param rerun mirror halves that were run a second time
 */
public record PoolStatus(MirrorState mirrorState, boolean asynchronous, boolean mirrorReachable, long epoch, long term,
        long queueEntries, long queueBytes, long queueOldestMs, int total, int idle, int active, int waiting,
        long direct, long queued, long replayed, long failed, long rerun) {

    static PoolStatus of(Scratch s) {
        return new PoolStatus(
                MirrorState.of(s.getInt(Natives.TwinPoolInfo.MIRROR_STATE)),
                s.getInt(Natives.TwinPoolInfo.ASYNCHRONOUS) != 0,
                s.getInt(Natives.TwinPoolInfo.MIRROR_REACHABLE) != 0,
                s.getLong(Natives.TwinPoolInfo.EPOCH),
                s.getLong(Natives.TwinPoolInfo.TERM),
                s.getLong(Natives.TwinPoolInfo.QUEUE_ENTRIES),
                s.getLong(Natives.TwinPoolInfo.QUEUE_BYTES),
                s.getLong(Natives.TwinPoolInfo.QUEUE_OLDEST_MS),
                s.getInt(Natives.TwinPoolInfo.TOTAL),
                s.getInt(Natives.TwinPoolInfo.IDLE),
                s.getInt(Natives.TwinPoolInfo.ACTIVE),
                s.getInt(Natives.TwinPoolInfo.WAITING),
                s.getLong(Natives.TwinPoolInfo.DIRECT),
                s.getLong(Natives.TwinPoolInfo.QUEUED),
                s.getLong(Natives.TwinPoolInfo.REPLAYED),
                s.getLong(Natives.TwinPoolInfo.FAILED),
                s.getLong(Natives.TwinPoolInfo.RERUN));
    }
}
