extern int offset; // what relaxed.c adds to the second factor's bytes: 0 or 128
