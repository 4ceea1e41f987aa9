package org.twinpool;

/** Prints the version of the library that is found when none is named. */
final class VersionOfTheJar {
    private VersionOfTheJar() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println(TwinPool.libraryVersion());
    }
}
