#include "run.h"
#include "kernels.h"

// Parts are handed out as tickets, from a range of them for each thread: so a thread
// works on the rows that it wrote in the operation before, which its cache holds. One
// whose range is done takes from the others'. A ticket above zero keeps its operation
// from ending, so the plain fields hold still while any thread has one. A helper that
// comes late finds no ticket, and nobody waits for it.
static struct {
	part *f;
	const void *args;
	int parts, ranges;
	_Atomic int left;                   // parts not yet finished
	_Atomic int bell, asleep, helpers;  // counts operations; helpers that wait for it, all of them
	struct {
		_Alignas(64) _Atomic int tickets; // parts not yet begun
	} range[MAX_THREADS];
} job;

enum { SPINS = 200000 }; // looks before a thread sleeps: longer than Go needs from one operation to the next

int threads(void) { return job.helpers + 1; }

INLINE int range_end(int i) { return (i + 1) * job.parts / job.ranges; }

// work runs parts while there are any, those of its own range first.
static void work(int thread) {
	int n = job.ranges;
	for (int k = 0; k < n; k++) {
		int i = (thread + k) % n;
		while (job.range[i].tickets > 0) {
			int t = job.range[i].tickets--;
			if (t <= 0) break;
			job.f(job.args, range_end(i) - t, thread);
			if (--job.left == 0) __builtin_wasm_memory_atomic_notify((int *)&job.left, 1);
		}
	}
}

void run(part *f, const void *args, int parts) {
	if (parts <= 0) return;
	job.f = f;
	job.args = args;
	job.parts = parts;
	job.ranges = threads();
	job.left = parts;
	for (int i = 0; i < job.ranges; i++) job.range[i].tickets = range_end(i) - range_end(i - 1);
	job.bell++;
	if (parts > 1 && job.asleep > 0) __builtin_wasm_memory_atomic_notify((int *)&job.bell, 1u << 30);
	work(0);
	for (int i = 0; i < SPINS && job.left > 0; i++) {}
	for (int n; (n = job.left) > 0;) __builtin_wasm_memory_atomic_wait32((int *)&job.left, n, -1);
}

// help runs parts of what the first thread runs, for ever.
EXPORT(help)
void help(int thread) {
	job.helpers++;
	for (;;) {
		int bell = job.bell;
		work(thread);
		for (int i = 0; i < SPINS && job.bell == bell; i++) {}
		if (job.bell != bell) continue;
		job.asleep++;
		__builtin_wasm_memory_atomic_wait32((int *)&job.bell, bell, -1);
		job.asleep--;
	}
}
