/* A JVM under an executable of its own. consentd knows an app by the executable that the kernel shows, and
 * `java` is nobody's: every Java program would be that one app. This is what jpackage's launchers do, in its
 * smallest form: the JDK in JAVA_HOME takes over, in this process. It takes the same arguments as `java`. */

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* As the JDK's own launcher calls it, since 9. */
typedef int launch_fn(int argc, char **argv, int jargc, const char **jargv, int appclassc,
                      const char **appclassv, const char *fullversion, const char *dotversion,
                      const char *pname, const char *lname, unsigned char javaargs,
                      unsigned char cpwildcard, unsigned char javaw, int ergo);

int main(int argc, char **argv) {
    const char *home = getenv("JAVA_HOME");
    if (home == NULL) {
        fprintf(stderr, "%s: set JAVA_HOME to a JDK, 17 or newer\n", argv[0]);
        return 1;
    }
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/lib/libjli.so", home) >= (int)sizeof path) {
        fprintf(stderr, "%s: JAVA_HOME is too long\n", argv[0]);
        return 1;
    }
    void *jli = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    launch_fn *launch = jli == NULL ? NULL : (launch_fn *)dlsym(jli, "JLI_Launch");
    if (launch == NULL) {
        fprintf(stderr, "%s: %s\n", argv[0], dlerror());
        return 1;
    }
    return launch(argc, argv, 0, NULL, 0, NULL, "17", "17", "java", "openjdk", 0, 1, 0, 0);
}
