package org.twinpool;

/** What all exceptions of this package have in common. */
public interface TwinFailure {
    /** All that the library tells. */
    Details details();
}
