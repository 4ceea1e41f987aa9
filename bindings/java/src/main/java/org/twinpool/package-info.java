/**
 * twinpool keeps two databases in step from inside the application: pools on a pair of databases, reached through
 * libtwinpool.so.
 */
package org.twinpool;
