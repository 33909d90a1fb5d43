// One operation on several threads. Each thread has its own instance of this
// module over one shared memory; statics and function pointers mean the same in
// all of them.
#include <stdint.h>

// part computes part i of an operation; thread is which thread runs it, from 0.
typedef void part(const void *args, int i, int thread);

enum { MAX_THREADS = 64 }; // as kernels.js allows

// threads is how many there are.
int threads(void);

// run calls f(args, i) once for every i in [0, parts), on this thread and on the
// helpers that are free, and returns when all are done.
// The i of a thread are consecutive.
void run(part *f, const void *args, int parts);
