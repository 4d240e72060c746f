/** Asks consentd, in process, whether an app may collect. */
module org.consentd {
    requires static transitive org.jspecify;

    exports org.consentd;
}
