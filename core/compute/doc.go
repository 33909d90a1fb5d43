// Package compute defines what a Diffusion Transformer needs from a machine:
// the Device interface, its memory, and the numeric contract that every device
// keeps so that the same request gives the same bytes everywhere.
//
// # Numeric contract, version 2
//
// A device is a CPU implementation of Device whose outputs equal those of
// package generic bit for bit, for finite inputs. The rules:
//
//   - All real arithmetic is IEEE 754 binary32, rounded to nearest even after
//     every operation. No fused multiply-add, no reassociation, no flushing of
//     subnormal results.
//   - A dot product starts from zero and adds its products in the order of k.
//     Vectorise across outputs, never along the sum.
//   - Row reductions (mean, variance, softmax denominator) use sixteen partial
//     sums: element i goes to partial i mod 16; the partials are folded
//     8, 4, 2, 1 apart (see FoldSum). Maxima are order-free.
//   - Exp, SiLU, GELU and the tanh inside it are the operation sequences of
//     math.go. 1/sqrt(x) is a correctly rounded square root followed by a
//     correctly rounded division.
//   - int8 products are exact in int32. A row x of activations is quantised as
//     s = absmax(x)/127, q = clamp(rne(x·(127/absmax(x))), ±127); a row whose
//     absmax is below MinAbsMax is quantised to zeros with scale 0. An output is
//     float32(acc)·(s·w.Scale[j]) + bias[j], in that order.
//   - Attention with Heads.Int8 is computed in exact integers, as AttentionBlock says.
//   - A float32 Linear output is (Σ_k x[k]·w[j][k]) + bias[j].
//   - An RMS norm is x·(1/√(Σx²/n + eps)) with the sum a row reduction; NormRotate
//     multiplies by 1/√…, then by the weight, then turns.
//
// Linear applies its activation after the bias. LinearGate computes
// x + gate·y with the product rounded first. Values that are not finite are
// outside the contract: a device may give any result for them, but must not
// crash or write outside its outputs.
//
// Shapes are row-major and written as [rows, columns]; N is images in a batch,
// T tokens of an image, D the hidden size.
package compute
