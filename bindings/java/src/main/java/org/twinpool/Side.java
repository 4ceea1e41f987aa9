package org.twinpool;

/** Who an error speaks for. */
public enum Side {
    POOL,
    MASTER,
    MIRROR
}
