#include "run.h"
#include "kernels.h"

// Parts are handed out as tickets, parts to 1. A ticket above zero keeps its
// operation from ending, so f and args hold still while any thread has one. A
// helper that comes late finds no ticket, and nobody waits for it.
static struct {
	part *f;
	const void *args;
	_Atomic int tickets, left; // parts not yet begun, not yet finished
	_Atomic int bell, asleep;  // counts operations; helpers that wait for it
} job;

enum { SPINS = 20000 }; // looks before a thread sleeps: longer than Go needs from one operation to the next

// work runs parts while there are any.
static void work(int thread) {
	while (job.tickets > 0) {
		int t = job.tickets--;
		if (t <= 0) return;
		job.f(job.args, t - 1, thread);
		if (--job.left == 0) __builtin_wasm_memory_atomic_notify((int *)&job.left, 1);
	}
}

void run(part *f, const void *args, int parts) {
	if (parts <= 0) return;
	job.f = f;
	job.args = args;
	job.left = parts;
	job.tickets = parts;
	job.bell++;
	if (parts > 1 && job.asleep > 0) __builtin_wasm_memory_atomic_notify((int *)&job.bell, 1u << 30);
	work(0);
	for (int i = 0; i < SPINS && job.left > 0; i++) {}
	for (int n; (n = job.left) > 0;) __builtin_wasm_memory_atomic_wait32((int *)&job.left, n, -1);
}

// help runs parts of what the first thread runs, for ever.
EXPORT(help)
void help(int thread) {
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
