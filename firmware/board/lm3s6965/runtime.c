//go:build tinygo && lm3s6965

/* The run-time calls that the compiler makes; everything else is Go. */
typedef unsigned char byte;
typedef unsigned int size;
__attribute__((used)) void *memmove(void *d, const void *s, size n) {
    byte *a = d; const byte *b = s;
    if (a < b) while (n--) *a++ = *b++;
    else while (n--) a[n] = b[n];
    return d;
}
__attribute__((used)) void *memcpy(void *d, const void *s, size n) { return memmove(d, s, n); }
__attribute__((used)) void *memset(void *d, int c, size n) { for (byte *a = d; n--;) *a++ = (byte)c; return d; }
__attribute__((used)) void __aeabi_memmove(void *d, const void *s, size n) { memmove(d, s, n); }
__attribute__((used)) void __aeabi_memcpy(void *d, const void *s, size n) { memmove(d, s, n); }
__attribute__((used)) void __aeabi_memcpy4(void *d, const void *s, size n) { memmove(d, s, n); }
__attribute__((used)) void __aeabi_memclr4(void *d, size n) { memset(d, 0, n); }
__attribute__((used)) void __aeabi_memclr(void *d, size n) { memset(d, 0, n); }
