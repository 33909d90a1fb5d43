// Package native is the compute.Device of machines with assembly for their
// vector instructions: AVX-512 with VNNI, AVX2 with and without AVX-VNNI on amd64,
// NEON with products of matrices, with dot products and without on arm64; and on Linux
// for AMX's tiles. A pool of goroutines shares the parts of an operation. Elsewhere, and with the build tag purego, New gives
// the generic device.
//
// Operations are products over tiles and kernels over rows. A product multiplies
// a few rows with a panel of outputs, packed when a layer is made, and takes the
// sum over k in order in one register for each output; int8 sums are exact. Without dot products of bytes AVX2 takes
// inputs as int16 and widens weights on loading. On tiles
// one call takes all panels and finishes a tile while the next one multiplies. A row
// kernel does whole sixteens of values; what is left is done here in Go, with the
// functions of package compute.
//
// Attention in integers multiplies queries with keys as a layer its inputs with
// weights, and weights with values by the same kind of product over int16: of digits
// of seven bits where the processor has products of bytes alone. Its row kernels
// do eights of channels, all rows in one call, and leave the rest to copies.
//
// Convolutions in integers are sums of products of planes, Winograd's transforms of
// inputs and kernels, in bands of tiles that a core's cache holds.
package native
