/* A native that does nothing: what a call across the border costs by itself. */

int Java_org_consentd_bench_Empty_call(void *env, void *class, int a, int b, int c) {
    (void)env, (void)class, (void)a, (void)b;
    return c;
}
