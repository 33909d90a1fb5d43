// Package tilesim runs a program whose machine lacks AMX: where the processor refuses a
// tile instruction, a tracer does it instead, on the program's registers and memory. The
// rest of the program runs as ever, so the machine must have what else the program
// uses. It is for tests on Linux: each of these instructions takes microseconds.
package tilesim
