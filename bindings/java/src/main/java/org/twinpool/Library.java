package org.twinpool;

import com.sun.jna.Function;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.io.File;
import java.io.IOException;

/**
 * Finds and loads the shared library: the property {@code twinpool.library}, the variable {@code TWINPOOL_LIBRARY},
 * the one inside the jar, the system's. Checks the ABI before anything else is called.
 */
final class Library {
    private static boolean loaded;

    private Library() {}

    static synchronized void load() throws TwinException {
        if (loaded) {
            return;
        }
        NativeLibrary library = find();
        try {
            check(library);
            Native.register(Natives.class, library);
        } catch (UnsatisfiedLinkError error) {
            throw missing(library.getName() + " is not the libtwinpool that this jar was made for: "
                    + error.getMessage());
        }
        loaded = true;
    }

    private static void check(NativeLibrary library) throws TwinException {
        Function version = library.getFunction("twin_abi_version");
        int number = version.invokeInt(new Object[0]);
        if (number != Natives.TWIN_ABI_VERSION) {
            throw missing(library.getName() + " has ABI " + number + ", and this jar of twinpool needs ABI "
                    + Natives.TWIN_ABI_VERSION + ": use library and jar of the same version");
        }
    }

    private static NativeLibrary find() throws TwinException {
        String path = System.getProperty("twinpool.library", System.getenv("TWINPOOL_LIBRARY"));
        try {
            if (path != null && !path.isEmpty()) {
                return NativeLibrary.getInstance(path);
            }
            File inside = inJar();
            return NativeLibrary.getInstance(inside != null ? inside.getPath() : "twinpool");
        } catch (UnsatisfiedLinkError error) {
            throw missing("libtwinpool cannot be loaded: " + error.getMessage().lines().findFirst().orElse("")
                    + " (name it with -Dtwinpool.library; where /tmp forbids programs, name a folder with"
                    + " -Djna.tmpdir)");
        }
    }

    private static File inJar() {
        try {
            return Native.extractFromResourcePath("twinpool", Library.class.getClassLoader());
        } catch (IOException error) {
            return null;
        }
    }

    private static TwinException missing(String message) {
        return new TwinException(new Details(Natives.TWIN_ERR_INTERNAL, "TWIN_ERR_INTERNAL", message, false, false,
                Side.POOL, java.util.List.of()));
    }
}
